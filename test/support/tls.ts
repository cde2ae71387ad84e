/** Keys and certificates, valid until 2120. They are public: for tests only. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { scratch } from './scratch.ts'

/** Of a server at 127.0.0.1; nobody signed it. */
export const TEST_KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgQWeNcjs1McalHw/r
jQlj9neSod11qHoGlZTIFzXiN46hRANCAAR9Oed3CanMoME/1eRMCW0XevaXMO+m
wskQOvuJMmkA843gKh6jfzTxO5t00MAr1+J9aqx8xx6HQmENHixXsCuc
-----END PRIVATE KEY-----
`

export const TEST_CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBWDCB/6ADAgECAgEBMAoGCCqGSM49BAMCMBQxEjAQBgNVBAMMCTEyNy4wLjAu
MTAgFw0yMDAxMDEwMDAwMDBaGA8yMTIwMDEwMTAwMDAwMFowFDESMBAGA1UEAwwJ
MTI3LjAuMC4xMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEfTnndwmpzKDBP9Xk
TAltF3r2lzDvpsLJEDr7iTJpAPON4Coeo3808TubdNDAK9fifWqsfMceh0JhDR4s
V7ArnKNAMD4wDwYDVR0RBAgwBocEfwAAATAMBgNVHRMEBTADAQH/MB0GA1UdDgQW
BBQkaEIU65r0mkargIA4VHR03cPm5TAKBggqhkjOPQQDAgNIADBFAiEAyUi89538
LQQImny/iGLj6F8VOyuwTyEOMgK1yzDBcYECIGjsKOnRN9+21NLUlbnrDek7e9CV
XnNrvXSCRge/fhOe
-----END CERTIFICATE-----
`

/** A CA, and what it has signed: a server whose name is localhost, and which has no IP address, and a client. */
export const TEST_CA = `-----BEGIN CERTIFICATE-----
MIIBVDCB+6ADAgECAgEBMAoGCCqGSM49BAMCMBkxFzAVBgNVBAMMDkEgQ0EgZm9y
IHRlc3RzMCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAwWjAZMRcwFQYD
VQQDDA5BIENBIGZvciB0ZXN0czBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABKpA
IMyBabG+Cez698FFfi8F6a4f/WwS8vZcdBGV+VnrTQ5jqeHJrDgv+8OJ8Hn+Tim4
N2VeTlQ8ie6o2KQLwPSjMjAwMA8GA1UdEwEB/wQFMAMBAf8wHQYDVR0OBBYEFGa+
b8oAqCrBeMkXqP+cddIwGKMQMAoGCCqGSM49BAMCA0gAMEUCIQDWM3OVTxar+VyO
dWSdsBaN1vO9LPx/zHZUqOT/S2+V9QIgEVpNYHHyGJIdVE/erX0DlFquYnf50zBg
Sbn2338tCzk=
-----END CERTIFICATE-----
`

const HOST_KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgUeuAbSPmUFP5BYhT
hPXF418cgGcAwzNBc7v20nyLKRmhRANCAAQGESLjR077ju4LdTZxlc1fAq7AojjX
+1A8n+bhcGSN8uoDehLBnSphX05TGvBDUmoo9Fw3zY5fvTUvDUZYyCC6
-----END PRIVATE KEY-----
`

const HOST_CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBdzCCARygAwIBAgIBAjAKBggqhkjOPQQDAjAZMRcwFQYDVQQDDA5BIENBIGZv
ciB0ZXN0czAgFw0yMDAxMDEwMDAwMDBaGA8yMTIwMDEwMTAwMDAwMFowFDESMBAG
A1UEAwwJbG9jYWxob3N0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEBhEi40dO
+47uC3U2cZXNXwKuwKI41/tQPJ/m4XBkjfLqA3oSwZ0qYV9OUxrwQ1JqKPRcN82O
X701Lw1GWMgguqNYMFYwFAYDVR0RBA0wC4IJbG9jYWxob3N0MB0GA1UdDgQWBBSv
HucusyBZLs21/9Jzwz3MxIHawzAfBgNVHSMEGDAWgBRmvm/KAKgqwXjJF6j/nHXS
MBijEDAKBggqhkjOPQQDAgNJADBGAiEA2rrbEqhIvTSWDB0dVU37uhlwpKEabmr5
p5RJbzR13bYCIQDUQismYPXBHwWQm1Z69ZMhkZlbp4BX0sg8IiO/P06iXw==
-----END CERTIFICATE-----
`

export const CLIENT_KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg5tsWY0mrQWu1wjFr
hGaRhzIdi8JQIGcNEaHqdbj/QV+hRANCAAT1nqwBnMwF3XOZXPPbx0X59ei64rdY
M/HJ/PWPUhu7yR71siyrdoioUH2CdR0x4BOBHu5mxW3OlZDfYXADPHRC
-----END PRIVATE KEY-----
`

export const CLIENT_CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBdDCCARqgAwIBAgIBAzAKBggqhkjOPQQDAjAZMRcwFQYDVQQDDA5BIENBIGZv
ciB0ZXN0czAgFw0yMDAxMDEwMDAwMDBaGA8yMTIwMDEwMTAwMDAwMFowEzERMA8G
A1UEAwwIYSBjbGllbnQwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAT1nqwBnMwF
3XOZXPPbx0X59ei64rdYM/HJ/PWPUhu7yR71siyrdoioUH2CdR0x4BOBHu5mxW3O
lZDfYXADPHRCo1cwVTATBgNVHSUEDDAKBggrBgEFBQcDAjAdBgNVHQ4EFgQUEJpv
3kkcQwo162xTYfCd/48qEPMwHwYDVR0jBBgwFoAUZr5vygCoKsF4yReo/5x10jAY
oxAwCgYIKoZIzj0EAwIDSAAwRQIhAILhSDipaGJR4PPBMUl1kiSu90ccEtb4AsR7
b3+gVTumAiBhMkwyiOAp+8al4LOG8NgagWTW90KVixb42hYV3MTfZQ==
-----END CERTIFICATE-----
`

export interface TlsFiles {
  readonly ca: string
  readonly cert: string
  readonly key: string
  readonly clientCert: string
  readonly clientKey: string
}

/** The certificates of the CA as files. */
export function tlsFiles(): TlsFiles {
  const directory = scratch()
  const written = Object.entries({
    ca: TEST_CA,
    cert: HOST_CERTIFICATE,
    key: HOST_KEY,
    clientCert: CLIENT_CERTIFICATE,
    clientKey: CLIENT_KEY,
  }).map(([name, text]) => {
    const path = join(directory, `${name}.pem`)
    writeFileSync(path, text)
    return [name, path]
  })
  return Object.fromEntries(written)
}
