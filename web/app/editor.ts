// The chunk with ProseMirror. It is loaded while the page around the text is shown
// already.
import '../elements/define-page.ts'
