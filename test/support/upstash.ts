import express from 'express'
import { serve, type Served } from './serve.ts'
import type { TestClient } from './redis.ts'

/** The strings of an answer, as the client of Upstash asks for them. */
const encoded = (result: unknown): unknown =>
  Array.isArray(result)
    ? result.map(encoded)
    : typeof result === 'string' && result !== 'OK'
      ? Buffer.from(result).toString('base64')
      : result

/** The HTTP interface of Upstash, which is proprietary, for a Redis server of this machine: commands are JSON arrays. */
export async function upstash(client: TestClient): Promise<Served> {
  const app = express().use(express.json())
  const answerTo = async (command: unknown[]): Promise<object> => {
    try {
      return { result: encoded(await client.sendCommand(command.map(String))) }
    } catch (error) {
      return { error: String(error) }
    }
  }
  app.post('/', (req, res, next) => {
    answerTo(req.body as unknown[])
      .then((answer) => res.status('error' in answer ? 400 : 200).json(answer))
      .catch(next)
  })
  app.post('/pipeline', (req, res, next) => {
    Promise.all((req.body as unknown[][]).map(answerTo))
      .then((answers) => res.json(answers))
      .catch(next)
  })
  return serve(app)
}
