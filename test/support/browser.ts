import sparticuz from '@sparticuz/chromium';
import { type Browser, chromium } from 'playwright-core';

/**
 * A real Chromium from the npm packages; close it when done. Nothing needs to be installed on the machine. The package's
 * own arguments are for functions that live for one page: they put all pages into one process, which dies with the first
 * that closes, and switch off web security, without which a test would prove nothing about ours.
 */
export async function launchBrowser(): Promise<Browser> {
  sparticuz.setGraphicsMode = false;
  return chromium.launch({
    executablePath: await sparticuz.executablePath(),
    args: ['--no-sandbox', '--disable-gpu', '--headless=shell'],
    headless: true,
  });
}
