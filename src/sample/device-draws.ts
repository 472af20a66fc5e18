/** The option `draws`: whether symbols are drawn on the host or on the GPU. */
import * as z from 'zod/mini';
import type { DrawPlace, Engine } from '../engine/engine.ts';
import { OptionError } from '../errors.ts';
import { option } from '../util/option-info.ts';
import { type Controls, unsupportedControl } from './choice/controls.ts';

/** Options that the schema of `generate` includes. */
export const deviceDrawOptions = {
  draws: option(z._default(z.enum(['host', 'device']), 'host'), {
    flag: 'draws',
    group: 'Device',
    help: 'device: draw symbols on the GPU, up to 64 steps at a time (experimental)',
  }),
};

/** Options that need the prediction of every symbol on the host. */
interface HostOptions {
  readonly match?: string | undefined;
  readonly template?: string | undefined;
  readonly beam: number;
  readonly alternatives?: number | undefined;
}

/** @throws {OptionError} if symbols should be drawn on the device, and the engine can't do that, or not with these options */
export function checkDeviceDraws(
  { description: { name, capabilities } }: Pick<Engine, 'description'>,
  { draws, match, template, beam, alternatives }: HostOptions & { readonly draws: DrawPlace },
  controls: Controls,
): void {
  if (draws !== 'device') return;
  const { deviceDrawControls } = capabilities;
  if (!deviceDrawControls)
    throw new OptionError(
      'draws',
      `got device, expected host: the ${name} engine can't draw on a device, but webgpu can`,
    );
  const onHost = Object.entries({ match, template, beam: beam || undefined, alternatives });
  const [hostOption] = onHost.find(([, value]) => value !== undefined) ?? [];
  const refused = unsupportedControl(deviceDrawControls, controls) ?? hostOption;
  if (refused !== undefined)
    throw new OptionError(
      refused,
      'it cannot be combined with `draws` set to device, which applies only `temperature`, `ban`, `only` and `bias`',
    );
}
