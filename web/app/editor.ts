// The lazy chunk: ProseMirror and what it needs, asked for while the page
// around it is drawn already.
import '../elements/define-page.ts'
