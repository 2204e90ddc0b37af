import { render } from "preact";
import "./ui/tokens.css";
import "./ui/page.css";
import "./ui/medium.css";
import { App } from "./views/app";
import { applyTheme } from "./ui/theme";

applyTheme();
render(<App />, document.getElementById("page") as HTMLElement);
