/** What an embedder may write as options. Made by `npm run api` from the schema in options.ts: change that. */

export interface OptionsInput {
  /**
   * Which clients the defaults are for: those of every generation, or those of one specification. Default:
   * "mixed".
   */
  readonly profile?: 'mixed' | 'nip-ee-relay' | 'marmot' | undefined
  /** The event kinds that the gateway handles as key packages. Default: [443,30443]. */
  readonly kinds?: readonly (443 | 30443)[] | undefined
  /** The kinds of relay lists that say where an author's key packages are. Default: [10051,10002]. */
  readonly relayLists?: readonly (10051 | 10002)[] | undefined
  /** Who stores key package events: only the gateway, or the relay as well. Default: "gateway". */
  readonly custody?: 'gateway' | 'relay' | undefined
  /**
   * The relay's public URL, for NIP-42 and NIP-62, and to deliver its own share of the packages first;
   * without it only the IP address a client connected to, or localhost, is accepted. Allowed: a URL such as
   * wss://relay.example.com.
   */
  readonly publicUrl?: string | undefined
  /** Whether clients must authenticate (NIP-42) to query key packages. Default: "auth-or-address". */
  readonly requester?: 'auth-or-address' | 'auth' | undefined
  readonly access?: AccessOptions | undefined
  readonly claim?: ClaimOptions | undefined
  readonly quota?: QuotaOptions | undefined
  readonly stock?: StockOptions | undefined
  readonly validation?: ValidationOptions | undefined
  readonly delivery?: DeliveryOptions | undefined
  readonly replenish?: ReplenishOptions | undefined
  /**
   * How many seconds pass between two removals of expired packages and other outdated data. Default: 3600.
   * Allowed: an integer from 1 to 86400.
   */
  readonly sweepIntervalSeconds?: number | undefined
}

interface AccessOptions {
  /**
   * Who may publish and claim key packages: all who are not banned, or only those in access.allow. Default:
   * "open".
   */
  readonly mode?: 'open' | 'allow-listed' | undefined
  /**
   * Pubkeys (hex or npub), addresses and networks that may not publish and claim; `ban` adds more at run
   * time. Default: []. Allowed: a list of strings such as npub1... or 203.0.113.0/24.
   */
  readonly ban?: readonly string[] | undefined
  /**
   * Pubkeys, addresses and networks that may, where access.mode is allow-listed; `allow` adds more at run
   * time. Default: []. Allowed: a list of strings such as npub1... or 203.0.113.0/24.
   */
  readonly allow?: readonly string[] | undefined
}

interface ClaimOptions {
  /** Maximum one-time packages of one author in one claim. Default: 1. Allowed: an integer from 1 to 2. */
  readonly perAuthor?: number | undefined
  /** Maximum authors in one REQ. Default: 500. Allowed: an integer from 1 to 5000. */
  readonly maxAuthors?: number | undefined
  /**
   * How many seconds a requester who asks again gets the same packages; 0 disables this. Default: 60.
   * Allowed: an integer from 0 to 86400.
   */
  readonly redeliverySeconds?: number | undefined
}

interface QuotaOptions {
  readonly perAuthor?: QuotaPerAuthorOptions | undefined
  readonly perAddress?: QuotaPerAddressOptions | undefined
  readonly perRequester?: QuotaPerRequesterOptions | undefined
  readonly perAddressTotal?: QuotaPerAddressTotalOptions | undefined
  readonly strangers?: QuotaStrangersOptions | undefined
  readonly freshPerAddress?: QuotaFreshPerAddressOptions | undefined
  readonly slotsPerRequester?: QuotaSlotsPerRequesterOptions | undefined
  readonly slotsPerAddress?: QuotaSlotsPerAddressOptions | undefined
  readonly newAuthorsPerAddress?: QuotaNewAuthorsPerAddressOptions | undefined
  readonly publish?: QuotaPublishOptions | undefined
  readonly publishPerAddress?: QuotaPublishPerAddressOptions | undefined
}

interface QuotaPerAuthorOptions {
  /**
   * Maximum claims of one author by one requester in one window. Default: 10. Allowed: an integer from 1 to
   * 10000.
   */
  readonly max?: number | undefined
  /** Length of the sliding window in seconds. Default: 3600. Allowed: an integer from 1 to 2592000. */
  readonly windowSeconds?: number | undefined
}

interface QuotaPerAddressOptions {
  /**
   * Maximum claims of one author from one address in one window. Default: 100. Allowed: an integer from 1 to
   * 100000.
   */
  readonly max?: number | undefined
  /** Length of the sliding window in seconds. Default: 3600. Allowed: an integer from 1 to 2592000. */
  readonly windowSeconds?: number | undefined
}

interface QuotaPerRequesterOptions {
  /**
   * Maximum claims by one requester over all authors in one window. Default: 500. Allowed: an integer from 1
   * to 1000000.
   */
  readonly max?: number | undefined
  /** Length of the sliding window in seconds. Default: 3600. Allowed: an integer from 1 to 2592000. */
  readonly windowSeconds?: number | undefined
}

interface QuotaPerAddressTotalOptions {
  /**
   * Maximum claims from one address over all authors in one window. Default: 1000. Allowed: an integer from 1
   * to 1000000.
   */
  readonly max?: number | undefined
  /** Length of the sliding window in seconds. Default: 3600. Allowed: an integer from 1 to 2592000. */
  readonly windowSeconds?: number | undefined
}

interface QuotaStrangersOptions {
  /**
   * Maximum fresh packages of one author that requesters the author does not know take, all together in one
   * window; 0: any number. Default: 12. Allowed: an integer from 0 to 1000000.
   */
  readonly max?: number | undefined
  /** Length of the sliding window in seconds. Default: 43200. Allowed: an integer from 1 to 2592000. */
  readonly windowSeconds?: number | undefined
}

interface QuotaFreshPerAddressOptions {
  /**
   * Maximum fresh packages of one author that requesters the author does not know take from one address in
   * one window; 0: any number. Default: 1. Allowed: an integer from 0 to 1000000.
   */
  readonly max?: number | undefined
  /** Length of the sliding window in seconds. Default: 86400. Allowed: an integer from 1 to 2592000. */
  readonly windowSeconds?: number | undefined
}

interface QuotaSlotsPerRequesterOptions {
  /**
   * Maximum authors whose slots alone one requester queries in one window. Default: 5000. Allowed: an integer
   * from 1 to 1000000.
   */
  readonly max?: number | undefined
  /** Length of the sliding window in seconds. Default: 3600. Allowed: an integer from 1 to 2592000. */
  readonly windowSeconds?: number | undefined
}

interface QuotaSlotsPerAddressOptions {
  /**
   * Maximum authors whose slots alone are queried from one address in one window. Default: 20000. Allowed: an
   * integer from 1 to 10000000.
   */
  readonly max?: number | undefined
  /** Length of the sliding window in seconds. Default: 3600. Allowed: an integer from 1 to 2592000. */
  readonly windowSeconds?: number | undefined
}

interface QuotaNewAuthorsPerAddressOptions {
  /**
   * Maximum authors never heard of whose first key package, relay list or deletion comes from one address in
   * one window. Default: 30. Allowed: an integer from 1 to 1000000.
   */
  readonly max?: number | undefined
  /** Length of the sliding window in seconds. Default: 3600. Allowed: an integer from 1 to 2592000. */
  readonly windowSeconds?: number | undefined
}

interface QuotaPublishOptions {
  /**
   * Maximum new key packages of one author in one window. Default: 60. Allowed: an integer from 1 to 100000.
   */
  readonly max?: number | undefined
  /** Length of the sliding window in seconds. Default: 3600. Allowed: an integer from 1 to 2592000. */
  readonly windowSeconds?: number | undefined
}

interface QuotaPublishPerAddressOptions {
  /**
   * Maximum key packages published from one address by senders not authenticated as the author in one window.
   * Default: 300. Allowed: an integer from 1 to 1000000.
   */
  readonly max?: number | undefined
  /** Length of the sliding window in seconds. Default: 3600. Allowed: an integer from 1 to 2592000. */
  readonly windowSeconds?: number | undefined
}

interface StockOptions {
  /**
   * Maximum one-time packages stored for one author, and likewise slots. Default: 10. Allowed: an integer
   * from 1 to 1000.
   */
  readonly max?: number | undefined
  /**
   * Maximum authors in the store, beyond which new ones are refused; 0 for no maximum. Default: 0. Allowed:
   * an integer from 0 to 1000000000.
   */
  readonly maxAuthors?: number | undefined
  /**
   * What happens when an author already has the maximum of one-time packages; of slots, the oldest makes
   * room. Default: "reject".
   */
  readonly overflow?: 'reject' | 'evict-oldest' | undefined
  /**
   * How many fresh packages of an author are only for requesters whom the author knows. Default: 3. Allowed:
   * an integer from 0 to 999.
   */
  readonly keep?: number | undefined
  /**
   * Authors with fewer fresh packages than this are asked for more; must exceed keep. Default: 5. Allowed: an
   * integer from 0 to 1000.
   */
  readonly low?: number | undefined
  /**
   * Maximum age of a package, in seconds after its created_at. Default: 7776000. Allowed: an integer from 60
   * to 157680000.
   */
  readonly ttlSeconds?: number | undefined
  /**
   * How many seconds after its exposure a package is removed, once two fresh ones have arrived since.
   * Default: 600. Allowed: an integer from 0 to 31536000.
   */
  readonly retireAfterSeconds?: number | undefined
}

interface ValidationOptions {
  /** Whether key packages are decoded, and their MLS signatures verified. Default: "verify". */
  readonly mls?: 'verify' | 'decode' | 'off' | undefined
  /**
   * Whether the spellings of all generations of clients are accepted, or kind 30443 must follow the Marmot
   * specification to the letter. Default: "lenient".
   */
  readonly tags?: 'lenient' | 'strict' | undefined
  /** Whether a kind 443 event, or its key package, must say that it is a last resort. Default: false. */
  readonly requireLastResort?: boolean | undefined
  /**
   * The accepted MLS ciphersuites (RFC 9420 section 17.1). Default: [1]. Allowed: a list of integers from 1
   * to 7.
   */
  readonly ciphersuites?: readonly number[] | undefined
  /** Maximum size of a key package in bytes. Default: 65536. Allowed: an integer from 256 to 1048576. */
  readonly maxBytes?: number | undefined
}

interface DeliveryOptions {
  /** Encoding of delivered content when the filter has no #f. Default: "as-published". */
  readonly encoding?: 'hex' | 'base64' | 'as-published' | undefined
}

interface ReplenishOptions {
  /** Whether authors with few packages left are asked for more. Default: true. */
  readonly enabled?: boolean | undefined
  /**
   * Minimum seconds between two such requests to one author. Default: 300. Allowed: an integer from 1 to
   * 86400.
   */
  readonly intervalSeconds?: number | undefined
  /**
   * Authors are asked to replace a slot that was claimed from this many addresses, at most once a day; 0 is
   * never. Default: 20. Allowed: an integer from 0 to 10000.
   */
  readonly rotateAfter?: number | undefined
}
