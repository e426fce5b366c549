/** Whether this is a robot that says so. One that does not say so is a visitor. */
export const isRobot = ({ webdriver, userAgent }: Navigator): boolean =>
  webdriver || /bot|crawl|spider|slurp|lighthouse/i.test(userAgent);
