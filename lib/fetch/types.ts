/** @ts-ignore Where the types of neither Node nor a browser are installed, it is `any`. */
export type FetchRequest = globalThis.Request

/** @ts-ignore Where the types of neither Node nor a browser are installed, it is `any`. */
export type FetchResponse = globalThis.Response
