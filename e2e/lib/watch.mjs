// Everything a page may do wrong without a test looking for it: errors in the console, exceptions, failed requests,
// requests to other hosts, breaches of the Content-Security-Policy.

/** Collects a page's misdeeds from now on; `homes` are the addresses that are not foreign. */
export async function watch(page, homes) {
  const seen = [];
  const allowed = [];
  const hosts = homes.map((home) => new URL(home).host);
  const note = (text) => seen.push(text);

  // A breach is an event in the page, and that is the one form in which both browsers report every kind of it.
  await page.evaluateOnNewDocument(() => {
    document.addEventListener("securitypolicyviolation", (event) => {
      console.error(`breach of ${event.effectiveDirective}: ${event.blockedURI} ${event.sample}`);
    });
  });

  page.on("console", (message) => {
    if (["error", "assert"].includes(message.type())) note(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => note(`exception: ${error?.message ?? error}`));
  page.on("error", (error) => note(`crash: ${error.message}`));
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.protocol.startsWith("http") && !hosts.includes(url.host)) note(`request to another host: ${url}`);
  });
  page.on("requestfailed", (request) => {
    const why = request.failure()?.errorText ?? "";
    // Leaving a page while it loads is no failure.
    if (!/abort/i.test(why)) note(`request failed: ${request.url()} ${why}`);
  });
  page.on("response", (response) => {
    if (response.status() >= 400) note(`status ${response.status()}: ${response.url()}`);
  });

  return {
    /** Another address that is not foreign. */
    home: (address) => hosts.push(new URL(address).host),
    /** Expect misdeeds that match, as a test of an error's own handling does. */
    allow: (pattern) => allowed.push(pattern),
    complaints: () => seen.filter((text) => !allowed.some((pattern) => pattern.test(text))),
  };
}
