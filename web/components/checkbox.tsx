/** A checkbox with words after it. */
export interface CheckboxProps {
  readonly checked: boolean;
  readonly onChange: (checked: boolean) => void;
  readonly children: string;
}

export function Checkbox({ checked, onChange, children }: CheckboxProps) {
  return (
    <label class="inline">
      <input type="checkbox" checked={checked} onChange={(event) => onChange(event.currentTarget.checked)} />
      {children}
    </label>
  );
}
