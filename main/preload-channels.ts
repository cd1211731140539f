/** The only two channels between a window and the main process. */

/** Window to main, answered with a ReplyEnvelope: (name, payload, whether the operator had just clicked or typed). */
export const requestChannel = 'ringmaster:request';
/** Main to window: (name of the push, push). */
export const pushChannel = 'ringmaster:push';
/** Prefix of the argument that tells the preload script the version of the program. */
export const versionArgument = '--ringmaster-version=';
