/** What both views have around them: the header with its links, and the footer. */

import type { ComponentChildren } from 'preact'
import { useEffect } from 'preact/hooks'

interface HeaderSettings {
  readonly title: string
  readonly links: readonly { readonly href: string; readonly text: string }[]
  /** Beside the title. */
  readonly children?: ComponentChildren
}

export function Header({ title, links, children }: HeaderSettings) {
  useEffect(() => {
    document.title = title
  }, [title])
  return (
    <header class="top">
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <div class="bar">
        <div class="brand">
          <Mark />
          <h1>{title}</h1>
          {children}
        </div>
        <nav aria-label="On this page">
          {links.map(({ href, text }) => (
            <a key={href} href={href}>
              {text}
            </a>
          ))}
        </nav>
      </div>
    </header>
  )
}

interface FooterSettings {
  readonly version: string | undefined
  /** Where the REST interface is described, if it is on this listener. */
  readonly api?: string
}

export function Footer({ version, api }: FooterSettings) {
  return (
    <footer>
      <p>
        <a href="https://github.com/keypackage-gateway/keypackage-gateway">keypackage-gateway</a>
        {version !== undefined && ` ${version}`}
      </p>
      {api !== undefined && (
        <p>
          <a href={api}>REST interface (OpenAPI)</a>
        </p>
      )}
      <p>This page loads nothing from other hosts and keeps nothing in your browser.</p>
    </footer>
  )
}

function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" width="32" height="32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="8" />
      <circle cx="11.5" cy="20.5" r="4.5" />
      <path d="m14.8 17.2 9.2-9.2m-3.4 3.4 3 3m-6.2.2 2.2 2.2" />
    </svg>
  )
}

/** A message about something that did not work; read out at once. Empty, it waits to be filled. */
export function Problem({ message }: { readonly message: string | undefined }) {
  return <div role="alert">{message !== undefined && <p class="problem">{message}</p>}</div>
}
