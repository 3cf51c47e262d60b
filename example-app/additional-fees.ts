import type { WixServicePluginRequest } from 'passport-wix-app'

/** In hundredths of the currency of the site, for each thing in the cart that is sent by mail. */
const PACKAGING = 150

interface LineItem {
  quantity?: number
  physicalProperties?: { shippable?: boolean }
}

interface AdditionalFees {
  additionalFees: { code: string; name: string; price: string; taxDetails: { taxable: boolean } }[]
  currency: string | undefined
}

/**
 * Wix asks what a cart costs beside its goods; this shop packs with care.
 *
 * @see https://dev.wix.com/docs/rest/business-solutions/e-commerce/additional-fees-service-plugin/calculate-additional-fees
 */
export function additionalFees({ request, metadata }: WixServicePluginRequest): AdditionalFees {
  // The proof does not say which method it is for: what is not shaped like a cart is an empty one.
  const lineItems = (Array.isArray(request['lineItems']) ? request['lineItems'] : []) as (LineItem | null)[]
  let pieces = 0
  for (const item of lineItems) {
    if (item?.physicalProperties?.shippable === true) pieces += Math.max(0, Number(item.quantity) || 0)
  }
  const fee = {
    code: 'careful-packaging',
    name: 'Careful packaging',
    price: ((pieces * PACKAGING) / 100).toFixed(2),
    taxDetails: { taxable: true },
  }
  // Wix drops fees in another currency than that of the site.
  return { additionalFees: pieces > 0 ? [fee] : [], currency: metadata.currency }
}
