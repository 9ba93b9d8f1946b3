// Going back leaves what was asked for on the later page: its answer would come after the earlier page, and replace it.
const here = () => location.pathname + location.search;

const underWay = new Map(); // requests that only read, and the address that each was made at
document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  if (ctx.request.method === "GET") underWay.set(ctx, here());
});
document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => underWay.delete(ctx));

// A request for an earlier page has no `abort`: htmx stops it itself.
addEventListener("popstate", () => {
  for (const [{ request }, address] of underWay) if (address !== here()) request.abort?.();
});
