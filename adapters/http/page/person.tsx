/** The page for a person: what this relay does, their own packages, and a look into an event. */

import { render } from 'preact'
import { About } from './person/about.tsx'
import { Inspector } from './person/inspector.tsx'
import { OwnPackages } from './person/own-packages.tsx'
import { Announcer } from './shared/announcer.tsx'
import { useInformation } from './shared/information.ts'
import { Footer, Header } from './shared/layout.tsx'

const LINKS = [
  { href: '#packages', text: 'Your packages' },
  { href: '#inspect', text: 'Inspect' },
  { href: '#about', text: 'This relay' },
] as const

function Person() {
  const loaded = useInformation()
  const information = loaded.state === 'loaded' ? loaded.information : undefined
  const { name = 'Key packages' } = information ?? {}
  return (
    <Announcer>
      <Header title={name} links={LINKS} />
      <main id="main">
        <section class="hero" aria-labelledby="what">
          <h2 id="what">Be added to groups while you are away</h2>
          <p class="lead">
            Encrypted groups (MLS) add you with a <em>key package</em> that you published earlier. This relay
            keeps yours, and hands each one to one person.
          </p>
          <ol class="steps">
            <li>
              <strong>You publish</strong> a few key packages. Your app does it for you.
            </li>
            <li>
              <strong>Somebody asks</strong> and gets one that nobody else has. Nobody can browse them.
            </li>
            <li>
              <strong>You run low,</strong> and the relay asks your app for more. The last one is never used
              up.
            </li>
          </ol>
        </section>
        <OwnPackages />
        <Inspector />
        <About loaded={loaded} />
      </main>
      <Footer version={information?.version} api="api/v1/openapi.json" />
    </Announcer>
  )
}

const root = document.getElementById('page')
if (root !== null) {
  root.textContent = ''
  render(<Person />, root)
}
