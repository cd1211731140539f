/**
 * Puts text on the clipboard; says whether it worked. By the copy command and not by the asynchronous clipboard, because
 * the window is refused every permission, and the copy command needs none beyond the click.
 */
export function copyText(text: string): boolean {
  const onCopy = (event: ClipboardEvent): void => {
    event.clipboardData?.setData('text/plain', text);
    event.preventDefault();
  };
  document.addEventListener('copy', onCopy, { once: true });
  const worked = document.execCommand('copy');
  document.removeEventListener('copy', onCopy);
  return worked;
}
