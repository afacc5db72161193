"use strict";
// Shows how things stand every second; once nothing is live there, the page that follows.
async function look() {
  const lost = document.getElementById("lost");
  try {
    const answer = await fetch(location.pathname);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const live = page.getElementById("live");
    if (!live) return location.reload();
    // What somebody is about to copy stays.
    if (getSelection().isCollapsed) document.getElementById("live").replaceWith(live);
    lost.hidden = true;
  } catch {
    lost.hidden = false;
  }
  setTimeout(look, 1000);
}

if (document.getElementById("live")) setTimeout(look, 1000);
// What the way back shows is how things stood.
addEventListener("pageshow", (event) => event.persisted && location.reload());
