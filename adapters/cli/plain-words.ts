/** What the operator is shown of errors and addresses: plain words, and no passwords. */

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a directory',
  ENOTDIR: 'a part of its path is not a directory',
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space left on the device',
  EDQUOT: 'the disk quota is used up',
  EIO: 'input or output error',
  ELOOP: 'too many symbolic links',
  ENAMETOOLONG: 'its name is too long',
  EMFILE: 'too many open files',
  ENFILE: 'too many open files on this machine',
  ENXIO: 'there is no such device',
  ERR_INVALID_ARG_VALUE: 'its name is not valid',
}

/** The reason for an error of node:fs; for any other, its message. */
export function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  return reasons[code ?? ''] ?? message
}

/** Hides the user and password of every address in a text, and the values of settings that are passwords. */
export function withoutPasswords(text: string): string {
  return text
    .replace(/\/\/[^\s"]*@/g, '//***@')
    .replace(/\b(redis\w*(?:\+\w+)?:)(?!\/\/)[^\s"]*@/g, '$1***@')
    .replace(/(password["']?:\s*)("[^"]*"?|'[^']*'?|[^\s"',}]+)/gi, '$1***')
}
