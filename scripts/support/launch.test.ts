import { expect, it } from 'vitest';
import { platformArguments } from './launch.js';

it('gives up the sandbox for root only', () => {
  expect(platformArguments({ DISPLAY: ':0' }, true)).toEqual(['--no-sandbox']);
  expect(platformArguments({ DISPLAY: ':0' }, false)).toEqual([]);
});

it('speaks Wayland only where there is no X display', () => {
  expect(platformArguments({ WAYLAND_DISPLAY: 'wayland-0' }, false)).toEqual(['--ozone-platform-hint=auto']);
  expect(platformArguments({ WAYLAND_DISPLAY: 'wayland-0', DISPLAY: ':0' }, false)).toEqual([]);
});
