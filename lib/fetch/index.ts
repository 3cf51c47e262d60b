/** @module passport-wix-app/fetch */

export { authenticateRequest, type Authentication, type FetchRequest, type FetchRule } from './authenticate-request.ts'
export { handleOnce, type Once } from './handle-once.ts'
export { type FetchResponse, toResponse } from './to-response.ts'
export { userInfoOf } from '../userinfo/handler.ts'
