// Of each kind of text and of drawn line that is visible, the least contrast with what is behind it.
(() => {
  const drawn = ".plot path[class*=s], .budget, circle, .curve, line.zero, line.kink";
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const rgba = (color) => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = color;
    context.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3]));
  const behind = (element) => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) {
      layers.push(rgba(getComputedStyle(e).backgroundColor));
    }
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255]);
  };
  const luminance = (color) => {
    const [r, g, b] = color.map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (color, below) => {
    const [a, b] = [luminance(over(rgba(color), below)), luminance(below)];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  };
  const found = {};
  const note = (kind, element, value) => {
    const name = `${kind} ${element.tagName} ${element.getAttribute("class") || ""}`.trim();
    if (!(name in found) || value < found[name]) found[name] = value;
  };
  for (const element of document.querySelectorAll("body *")) {
    if (!element.checkVisibility() || element.closest("script, style")) continue;
    const style = getComputedStyle(element);
    const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    if (own) {
      const color = element instanceof SVGElement ? style.fill : style.color;
      note("text", element, ratio(color, behind(element)));
    } else if (element.matches(drawn)) {
      note("line", element, ratio(style.stroke, behind(element)));
    }
  }
  return found;
})()
