import { nearest } from './simulator/nearest.ts'

/**
 * What is wrong with the arguments of a command. For an option that there is not, `parseArgs` advises to write it after `--`, where it
 * would be no option: the one that was probably meant is of more use.
 */
export function problemOf({ message }: Error, options: object): string {
  const [unknown, name] = /^Unknown option '-*(.*?)'/.exec(message) ?? []
  // For a value that begins with a dash, the message has three lines.
  if (unknown === undefined) return message.replaceAll('\n', ' ')
  const guess = nearest(name, Object.keys(options))
  return guess === undefined ? unknown : `${unknown}; did you mean --${guess}?`
}
