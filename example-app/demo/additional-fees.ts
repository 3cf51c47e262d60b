import type { WixServicePluginRequest } from 'passport-wix-app'

/** In hundredths of the currency of the site, for each item in the cart that is shipped. */
const PACKAGING = 150

interface LineItem {
  quantity?: unknown
  physicalProperties?: { shippable?: boolean }
}

interface AdditionalFees {
  additionalFees: { code: string; name: string; price: string; taxDetails: { taxable: boolean } }[]
  currency: string | undefined
}

/**
 * The fees for a cart, beside the price of its items: this shop charges for careful packaging. Undefined for quantities so large that
 * the price would not be exact.
 *
 * @see https://dev.wix.com/docs/rest/business-solutions/e-commerce/additional-fees-service-plugin/calculate-additional-fees
 */
export function additionalFees({ request, metadata }: WixServicePluginRequest): AdditionalFees | undefined {
  // The signature is not bound to a method: a request without line items counts as an empty cart.
  const lineItems = (Array.isArray(request['lineItems']) ? request['lineItems'] : []) as (LineItem | null)[]
  let shipped = 0
  for (const item of lineItems) {
    if (item?.physicalProperties?.shippable !== true || typeof item.quantity !== 'number') continue
    shipped += Math.max(0, item.quantity)
  }
  const price = shipped * PACKAGING
  if (price > Number.MAX_SAFE_INTEGER) return undefined
  const fee = {
    code: 'careful-packaging',
    name: 'Careful packaging',
    price: (price / 100).toFixed(2),
    taxDetails: { taxable: true },
  }
  // Wix ignores fees in any other currency than that of the site.
  return { additionalFees: shipped > 0 ? [fee] : [], currency: metadata.currency }
}
