import "/vanilla-cookieconsent/cookieconsent.umd.js";

CookieConsent.run({
  // By default it hides from automated browsers, and so from whoever would measure it.
  hideFromBots: false,
  categories: {
    necessary: { enabled: true, readOnly: true },
    analytics: {},
    marketing: {},
  },
  language: {
    default: "en",
    translations: {
      en: {
        consentModal: {
          title: "We use cookies",
          description: "We use cookies to count visits and to show adverts. You can choose which.",
          acceptAllBtn: "Accept all",
          acceptNecessaryBtn: "Reject all",
          showPreferencesBtn: "Manage individual preferences",
        },
        preferencesModal: {
          title: "Manage cookie preferences",
          acceptAllBtn: "Accept all",
          acceptNecessaryBtn: "Reject all",
          savePreferencesBtn: "Accept current selection",
          closeIconLabel: "Close modal",
          sections: [
            {
              title: "Necessary",
              description: "Keeps the site working.",
              linkedCategory: "necessary",
            },
            {
              title: "Analytics",
              description: "Counts visits and pages.",
              linkedCategory: "analytics",
            },
            {
              title: "Marketing",
              description: "Shows and measures adverts.",
              linkedCategory: "marketing",
            },
          ],
        },
      },
    },
  },
});
