export { signInstance } from './sign-instance.ts'
export { generateAppKeys, signDigest, signServicePlugin, signWebhook } from './sign-jwt.ts'
