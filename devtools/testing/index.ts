/** @module passport-wix-app/testing */

export { signInstance } from './sign-instance.ts'
export { generateAppKeys, signDigest, signServicePlugin, signWebhook } from './sign-jwt.ts'
export {
  WixSimulator,
  type WixSimulatorEndpoint,
  type WixSimulatorFault,
  type WixSimulatorOptions,
  type WixSimulatorSubject,
} from './simulator.ts'
export { type StoreCheck, storeChecks } from './store-checks.ts'
