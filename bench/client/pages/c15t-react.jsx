import { ConsentBanner, ConsentDialog, ConsentManagerProvider } from "@c15t/react";
import "@c15t/react/styles.css";
import { createRoot } from "react-dom/client";

createRoot(document.querySelector("#app")).render(
  <ConsentManagerProvider
    options={{
      mode: "offline",
      consentCategories: ["necessary", "measurement", "marketing"],
      overrides: { country: "DE", language: "en" },
    }}
  >
    <ConsentBanner />
    <ConsentDialog />
  </ConsentManagerProvider>,
);
