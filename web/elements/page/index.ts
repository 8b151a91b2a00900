export { WeftPage } from './page.ts'
