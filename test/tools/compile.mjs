// Compiles the same folder with many settings in one process, which reads the declarations of the libraries once: half of the time.
// node compile.mjs COMPILER ARGUMENTS..., each a JSON array of what tsc is given; prints a JSON array of its complaints.
import { createRequire } from 'node:module'

const [, , compiler, ...settings] = process.argv
const ts = createRequire(import.meta.url)(compiler)
const declarations = new Map()

function hostOf(options) {
  const host = ts.createCompilerHost(options)
  const read = host.getSourceFile
  host.getSourceFile = (path, how, ...more) => {
    if (!path.endsWith('.d.ts')) return read(path, how, ...more)
    // A declaration is the same under all settings, but for what its file counts as.
    const key = `${how.impliedNodeFormat} ${path}`
    if (!declarations.has(key)) declarations.set(key, read(path, how, ...more))
    return declarations.get(key)
  }
  return host
}

const complaints = settings.map((args) => {
  const { options, fileNames, errors } = ts.parseCommandLine(JSON.parse(args))
  const host = hostOf(options)
  const found = ts.getPreEmitDiagnostics(ts.createProgram(fileNames, options, host))
  return ts.formatDiagnostics([...errors, ...found], host)
})
console.log(JSON.stringify(complaints))
