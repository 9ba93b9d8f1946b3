// The headers with which a script asks for a part of a page.
export const HEADERS = { "HX-Request": "true", "HX-Request-Type": "partial" };
