// Keys of the full-size view of photos: arrows and Esc. Without this script, its links do the same.
const links = { ArrowLeft: ".viewer-previous", ArrowRight: ".viewer-next", Escape: ".viewer-close" };

addEventListener("keydown", (event) => {
  const plain = !(event.altKey || event.ctrlKey || event.metaKey || event.shiftKey);
  const link = plain && links[event.key] && document.querySelector(`.viewer:target ${links[event.key]}`);
  if (link) {
    event.preventDefault();
    // Back leaves the letting, not one photo after the other.
    location.replace(link.href);
  }
});
