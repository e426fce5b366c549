window.klaroConfig = {
  version: 1,
  elementID: "klaro",
  groupByPurpose: true,
  acceptAll: true,
  default: false,
  lang: "en",
  translations: {
    zz: { privacyPolicyUrl: "#privacy" },
    en: {
      purposes: { necessary: "Necessary", analytics: "Analytics", marketing: "Marketing" },
    },
  },
  services: [
    {
      name: "session",
      title: "Session",
      description: "Keeps the site working.",
      purposes: ["necessary"],
      required: true,
    },
    {
      name: "posthog",
      title: "PostHog",
      description: "Counts visits and pages.",
      purposes: ["analytics"],
      cookies: [/^ph_/],
    },
    {
      name: "mixpanel",
      title: "Mixpanel",
      description: "Shows and measures adverts.",
      purposes: ["marketing"],
      cookies: [/^mp_/],
    },
  ],
};
