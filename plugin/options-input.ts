/** What an embedder may write as options. Made by `npm run api` from the schema in options.ts: change that. */

export interface OptionsInput {
  /** Defaults for the clients of one specification. Default: "nip-ee-relay". */
  readonly profile?: 'nip-ee-relay' | 'marmot' | undefined
  /** The key package kinds that the gateway takes over. Default: [443]. */
  readonly kinds?: readonly (443 | 30443)[] | undefined
  /** Who keeps a key package event: the gateway alone, or the relay too. Default: "gateway". */
  readonly custody?: 'gateway' | 'relay' | undefined
  /**
   * The relay's address as clients know it, for NIP-42 and NIP-62; without it only the IP address it is
   * reached at, or localhost, counts. Allowed: an address such as wss://relay.example.com.
   */
  readonly publicUrl?: string | undefined
  /**
   * Whether clients must authenticate (NIP-42) before they ask for key packages. Default: "auth-or-address".
   */
  readonly requester?: 'auth-or-address' | 'auth' | undefined
  readonly claim?: ClaimOptions | undefined
  readonly quota?: QuotaOptions | undefined
  readonly stock?: StockOptions | undefined
  readonly validation?: ValidationOptions | undefined
  readonly delivery?: DeliveryOptions | undefined
  readonly replenish?: ReplenishOptions | undefined
  /**
   * How often expired packages and old bookkeeping are removed. Default: 3600. Allowed: a whole number from 1
   * to 86400.
   */
  readonly sweepIntervalSeconds?: number | undefined
}

interface ClaimOptions {
  /** Most packages of one author in one claim. Default: 1. Allowed: a whole number from 1 to 2. */
  readonly perAuthor?: number | undefined
  /** Most authors in one REQ. Default: 500. Allowed: a whole number from 1 to 5000. */
  readonly maxAuthors?: number | undefined
  /**
   * How long the same requester gets the same packages again; 0 is never. Default: 0. Allowed: a whole number
   * from 0 to 86400.
   */
  readonly redeliverySeconds?: number | undefined
}

interface QuotaOptions {
  readonly perAuthor?: QuotaPerAuthorOptions | undefined
  readonly perAddress?: QuotaPerAddressOptions | undefined
  readonly perRequester?: QuotaPerRequesterOptions | undefined
  readonly publish?: QuotaPublishOptions | undefined
  readonly publishPerAddress?: QuotaPublishPerAddressOptions | undefined
}

interface QuotaPerAuthorOptions {
  /**
   * Most claims of one author by one requester in one window. Default: 10. Allowed: a whole number from 1 to
   * 10000.
   */
  readonly max?: number | undefined
  /** Length of the sliding window. Default: 3600. Allowed: a whole number from 1 to 2592000. */
  readonly windowSeconds?: number | undefined
}

interface QuotaPerAddressOptions {
  /**
   * Most claims of one author from one address in one window. Default: 100. Allowed: a whole number from 1 to
   * 100000.
   */
  readonly max?: number | undefined
  /** Length of the sliding window. Default: 3600. Allowed: a whole number from 1 to 2592000. */
  readonly windowSeconds?: number | undefined
}

interface QuotaPerRequesterOptions {
  /**
   * Most claims by one requester over all authors in one window. Default: 500. Allowed: a whole number from 1
   * to 1000000.
   */
  readonly max?: number | undefined
  /** Length of the sliding window. Default: 3600. Allowed: a whole number from 1 to 2592000. */
  readonly windowSeconds?: number | undefined
}

interface QuotaPublishOptions {
  /**
   * Most key packages of one author that come into the stock in one window. Default: 60. Allowed: a whole
   * number from 1 to 100000.
   */
  readonly max?: number | undefined
  /** Length of the sliding window. Default: 3600. Allowed: a whole number from 1 to 2592000. */
  readonly windowSeconds?: number | undefined
}

interface QuotaPublishPerAddressOptions {
  /**
   * Most key packages sent from one address by others than their authenticated author in one window. Default:
   * 300. Allowed: a whole number from 1 to 1000000.
   */
  readonly max?: number | undefined
  /** Length of the sliding window. Default: 3600. Allowed: a whole number from 1 to 2592000. */
  readonly windowSeconds?: number | undefined
}

interface StockOptions {
  /** Most packages kept for one author. Default: 10. Allowed: a whole number from 1 to 1000. */
  readonly max?: number | undefined
  /** What happens to one package too many. Default: "reject". */
  readonly overflow?: 'reject' | 'evict-oldest' | undefined
  /** Below this an author is asked for more. Default: 3. Allowed: a whole number from 0 to 1000. */
  readonly low?: number | undefined
  /**
   * Longest life of a package after its created_at. Default: 7776000. Allowed: a whole number from 60 to
   * 157680000.
   */
  readonly ttlSeconds?: number | undefined
  /**
   * How long an exposed package stays once two fresh ones stand beside it. Default: 600. Allowed: a whole
   * number from 0 to 31536000.
   */
  readonly retireAfterSeconds?: number | undefined
}

interface ValidationOptions {
  /** Whether key packages are decoded and their MLS signatures verified. Default: "verify". */
  readonly mls?: 'verify' | 'decode' | 'off' | undefined
  /** Whether a kind 443 event must announce the last_resort extension. Default: true. */
  readonly requireLastResort?: boolean | undefined
  /**
   * The MLS ciphersuites that are taken in (RFC 9420 section 17.1). Default: [1]. Allowed: a list of a whole
   * number from 1 to 7.
   */
  readonly ciphersuites?: readonly number[] | undefined
  /** Largest key package. Default: 65536. Allowed: a whole number from 256 to 1048576. */
  readonly maxBytes?: number | undefined
}

interface DeliveryOptions {
  /** How content is written where a filter has no #f. Default: "hex". */
  readonly encoding?: 'hex' | 'base64' | 'as-published' | undefined
}

interface ReplenishOptions {
  /** Whether authors are asked for more packages. Default: true. */
  readonly enabled?: boolean | undefined
  /** Shortest time between two such requests. Default: 300. Allowed: a whole number from 1 to 86400. */
  readonly intervalSeconds?: number | undefined
}
