export { signInstance } from './sign-instance.ts'
