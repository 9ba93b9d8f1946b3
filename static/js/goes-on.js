// A page that waits goes on by itself: it follows its link after so many seconds. Without scripts a meta tag does.
for (const link of document.querySelectorAll("a[data-goes-on-in]")) {
  setTimeout(() => location.replace(link.href), Number(link.dataset.goesOnIn) * 1000);
}
