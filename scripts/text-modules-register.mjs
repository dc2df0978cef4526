// node --import scripts/text-modules-register.mjs: lets Node itself import SQL and Lua files as text, as the build and the tests do. For
// processes that run the sources without either.
import { register } from 'node:module'

register('./text-modules-loader.mjs', import.meta.url)
