/** A mutant that no test can tell from the code, and why. */
export interface Equivalent {
  /** The code, and what the mutant puts in its place. */
  code: string
  mutant: string
  why: string
}

const NEW_ROUND = 'a round only has to differ from the one before'

export const EQUIVALENT: Readonly<Record<string, readonly Equivalent[]>> = {
  'lib/internal/circuit.ts': [{ code: 'round++', mutant: 'round--', why: NEW_ROUND }],
  'lib/internal/jwt.ts': [
    {
      code: "'crit'",
      mutant: '""',
      why: 'jose refuses each `crit` itself, save that of `b64`, whose header then has a `b64` as well',
    },
    {
      code: "joseVerify ??= (await import('jose/jwt/verify')).jwtVerify",
      mutant: "joseVerify &&= (await import('jose/jwt/verify')).jwtVerify",
      why: 'jose is loaded once for a process, and the tests of many mutants share one: in a process of its own, every test fails',
    },
  ],
}
