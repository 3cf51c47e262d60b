// What stands between HTTP and a function at AWS and Azure, as a program: the requests become what the functions get there.
// gateway.ts KIND MODULE: KIND is how the function is called, and MODULE what exports it.
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
// @ts-ignore -- it is installed with the other packages of this folder, see test/README.md
import azureFunctions from '@azure/functions'

/** What is used of it, since its types are there only with it. */
const { HttpRequest, HttpResponse } = azureFunctions as {
  HttpRequest: new (init: object) => object
  HttpResponse: new (init: object) => Pick<Response, 'status' | 'headers' | 'arrayBuffer'>
}

interface LambdaAnswer {
  statusCode: number
  headers?: Record<string, string>
  multiValueHeaders?: Record<string, string[]>
  body?: string
  isBase64Encoded?: boolean
}
type Handler = (event: object, context: object) => Promise<LambdaAnswer>

async function bodyOf(req: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of req) parts.push(part as Buffer)
  return Buffer.concat(parts)
}

const mapped = <Value>(
  pairs: Iterable<[name: string, value: string]>,
  put: (value: string, before?: Value) => Value,
) => {
  const all: Record<string, Value> = {}
  for (const [name, value] of pairs) all[name] = put(value, all[name])
  return all
}

/** The formats of API Gateway and of load balancers. https://docs.aws.amazon.com/lambda/latest/dg/services-apigateway.html */
const EVENTS: Readonly<Record<string, (req: IncomingMessage, body: Buffer) => object>> = {
  // Function URLs and HTTP APIs.
  '2.0': ({ url = '', method, headers }, body) => {
    const { pathname, search, searchParams } = new URL(url, 'http://localhost')
    return {
      version: '2.0',
      routeKey: '$default',
      rawPath: pathname,
      rawQueryString: search.slice(1),
      headers,
      queryStringParameters: mapped<string>(searchParams, (value, before) =>
        before === undefined ? value : `${before},${value}`,
      ),
      requestContext: {
        accountId: '1',
        apiId: 'my-api',
        domainName: 'localhost',
        http: { method, path: pathname, protocol: 'HTTP/1.1', sourceIp: '127.0.0.1', userAgent: 'Wix' },
        stage: '$default',
      },
      body: body.toString(),
      isBase64Encoded: false,
    }
  },
  // REST APIs.
  '1.0': ({ url = '', method, headers }, body) => {
    const { pathname, searchParams } = new URL(url, 'http://localhost')
    const names = Object.entries(headers) as Array<[string, string]>
    return {
      resource: '/{proxy+}',
      path: pathname,
      httpMethod: method,
      headers,
      multiValueHeaders: mapped<string[]>(names, (value, before = []) => [...before, value]),
      queryStringParameters: mapped<string>(searchParams, (value) => value),
      multiValueQueryStringParameters: mapped<string[]>(searchParams, (value, before = []) => [...before, value]),
      requestContext: {
        resourcePath: '/{proxy+}',
        httpMethod: method,
        path: pathname,
        identity: { sourceIp: '127.0.0.1' },
      },
      // The gateway of a REST API may be told that all bodies are binary.
      body: body.toString('base64'),
      isBase64Encoded: true,
    }
  },
  // Application load balancers, with headers of several values.
  alb: ({ url = '', method, headers }, body) => {
    const [path = '', query = ''] = url.split('?')
    const names = Object.entries(headers) as Array<[string, string]>
    const pairs = query === '' ? [] : query.split('&').map((pair) => pair.split('=') as [string, string])
    return {
      requestContext: { elb: { targetGroupArn: 'arn:aws:elasticloadbalancing:us-east-1:1:targetgroup/my-group/1' } },
      httpMethod: method,
      path,
      multiValueQueryStringParameters: mapped<string[]>(pairs, (value, before = []) => [...before, value]),
      multiValueHeaders: mapped<string[]>(names, (value, before = []) => [...before, value]),
      body: body.toString(),
      isBase64Encoded: false,
    }
  },
}

const [, , kind = '', module = ''] = process.argv
const exported = (await import(pathToFileURL(resolve(module)).href)) as Record<string, unknown>
const toEvent = EVENTS[kind]

/** Azure Functions: a function under its name. It answers 500 to what one throws, and logs it. */
async function azure(req: IncomingMessage, body: Buffer): Promise<InstanceType<typeof HttpResponse>> {
  const { url = '', method = '', headers } = req
  const request = new HttpRequest({
    url: `http://localhost${url}`,
    method,
    headers: headers as Record<string, string>,
    ...(body.length > 0 && { body: { bytes: body } }),
  })
  const called = exported[url.slice(1)] as ((request: object) => Promise<object>) | undefined
  try {
    return new HttpResponse((await called?.(request)) ?? { status: 404 })
  } catch (error) {
    console.error(error)
    return new HttpResponse({ status: 500 })
  }
}

const server = createServer(async (req, res) => {
  // A handler of Node, as Vercel has it.
  if (kind === 'node') return (exported['default'] as RequestListener)(req, res)
  // The tests ask for it, to know that the program listens.
  if (req.url === '/') return res.end()
  const body = await bodyOf(req)
  if (toEvent === undefined) {
    const answered = await azure(req, body)
    res.writeHead(answered.status, Object.fromEntries(answered.headers))
    return res.end(Buffer.from(await answered.arrayBuffer()))
  }
  const context = { awsRequestId: '1', getRemainingTimeInMillis: () => 3000 }
  const answered = await (exported['handler'] as Handler)(toEvent(req, body), context)
  res.writeHead(answered.statusCode, { ...answered.headers, ...answered.multiValueHeaders })
  return res.end(Buffer.from(answered.body ?? '', answered.isBase64Encoded ? 'base64' : 'utf8'))
})
server.listen(process.env['PORT'])
