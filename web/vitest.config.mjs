export default {
  test: {
    include: ['sdk/test/**/*.test.ts', 'elements/**/*.test.ts', 'app/**/*.test.ts'],
    environment: 'node',
  },
}
