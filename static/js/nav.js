// On a phone the navigation is a row that scrolls: where one is stands in sight.
document.querySelector(".sidebar nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
