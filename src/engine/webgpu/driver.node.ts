/** Checks the drivers that the package `webgpu` needs before it is loaded, since it prints its own warnings if they are missing. */
import { existsSync, readdirSync } from 'node:fs';
import { constants, homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { UnsupportedError } from '../../errors.ts';
import { WITHOUT_GPU } from './device.ts';

const LOADER = 'libvulkan.so.1';
/** Keeps a library in memory. Node's `os.constants.dlopen` lacks this flag of Linux. */
const RTLD_NODELETE = 0x1000;
/** The environment variables that name drivers. If one is set, the Vulkan loader looks nowhere else. */
const DRIVER_VARIABLES = ['VK_DRIVER_FILES', 'VK_ICD_FILENAMES'] as const;
/** Devices of GPUs: of Mesa's drivers, of NVIDIA's, and of Windows in WSL. */
const GPU_DEVICES = ['/dev/dri', '/dev/nvidiactl', '/dev/dxg'];
/** Debian's Chromium includes a loader and SwiftShader, a driver that computes on the CPU. */
const CHROMIUM = '/usr/lib/chromium';
const SWIFTSHADER = join(CHROMIUM, 'vk_swiftshader_icd.json');

/** Whether adapters that compute on the CPU are used instead of GPUs. This is for tests: they are slow. */
export function usesSoftware(env: NodeJS.ProcessEnv = process.env): boolean {
  return env.CHAR_RNN_GPU === 'software';
}

/**
 * Checks that there is a Vulkan loader and a driver. Only Linux needs this: the drivers of macOS and Windows belong to the system.
 *
 * @throws {UnsupportedError} with what to install, or if this process may not load libraries
 */
export function checkDriver(): void {
  if (process.platform !== 'linux') return;
  if (usesSoftware()) useSwiftShader();
  if (!isLoadable(LOADER)) {
    throw new UnsupportedError(
      `there is no Vulkan loader, ${LOADER}. Install it (Debian and Ubuntu: apt install libvulkan1; Fedora: dnf install vulkan-loader; Arch: pacman -S vulkan-icd-loader) and the driver of your GPU.`,
      { remedies: WITHOUT_GPU },
    );
  }
  if (!mayHaveVulkanDriver()) {
    throw new UnsupportedError(
      'there is a Vulkan loader, but no driver. Install the driver of your GPU (AMD and Intel, Debian and Ubuntu: apt install mesa-vulkan-drivers).',
      { remedies: WITHOUT_GPU },
    );
  }
}

/** Makes Chromium's SwiftShader available if no driver is named in the environment. */
function useSwiftShader(): void {
  if (DRIVER_VARIABLES.some((name) => process.env[name]) || !existsSync(SWIFTSHADER)) return;
  process.env.VK_ICD_FILENAMES = SWIFTSHADER;
  // Once the loader is in memory, the package finds it by its name.
  if (!isLoadable(LOADER)) isLoadable(join(CHROMIUM, LOADER));
}

/**
 * Whether the system can load a library. It stays in memory.
 *
 * @throws {UnsupportedError} if this process may not load libraries
 */
function isLoadable(library: string): boolean {
  try {
    process.dlopen({ exports: {} }, library, constants.dlopen.RTLD_NOW | RTLD_NODELETE);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_DLOPEN_DISABLED') {
      throw new UnsupportedError('this Node was started without permission for add-ons.', {
        remedies: WITHOUT_GPU,
        cause: error,
      });
    }
    // Node loads the library, and then finds that it is not an add-on.
    return error instanceof Error && /did not self-register|not a valid Node/i.test(error.message);
  }
}

/**
 * Whether a Vulkan driver may be installed. The loader looks for the descriptions of drivers in these folders; some systems have other
 * folders, so the device file of a GPU is enough too.
 */
export function mayHaveVulkanDriver(env: NodeJS.ProcessEnv = process.env): boolean {
  const named = DRIVER_VARIABLES.map((name) => env[name]).find(Boolean);
  if (named) return named.split(delimiter).some(holdsDriver);
  const added = env.VK_ADD_DRIVER_FILES?.split(delimiter) ?? [];
  const configs = [
    env.XDG_CONFIG_HOME || join(homedir(), '.config'),
    ...paths(env.XDG_CONFIG_DIRS, '/etc/xdg'),
  ];
  const data = [
    env.XDG_DATA_HOME || join(homedir(), '.local', 'share'),
    ...paths(env.XDG_DATA_DIRS, '/usr/local/share:/usr/share'),
  ];
  const folders = [...configs, '/usr/local/etc', '/etc', ...data].map((base) =>
    join(base, 'vulkan', 'icd.d'),
  );
  return [...added, ...folders].some(holdsDriver) || GPU_DEVICES.some((path) => existsSync(path));
}

const paths = (list: string | undefined, otherwise: string) => (list || otherwise).split(delimiter);

/** Whether a path is the description of a driver, or a folder with one. */
function holdsDriver(path: string): boolean {
  try {
    return path.endsWith('.json')
      ? existsSync(path)
      : readdirSync(path).some((name) => name.endsWith('.json'));
  } catch {
    return false;
  }
}
