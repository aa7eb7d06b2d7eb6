import { Building2 } from 'lucide-react'
import { useChange, useView } from '@/api/view'
import { Choose } from '@/parts/Choose'

/** Whose journeys these are. Where there is one account only there is nothing to choose. */
export function AccountPicker() {
  const { account, accounts } = useView()
  const change = useChange()
  const isKnown = accounts.some((one) => one.account_id === account)
  if (accounts.length <= 1 && (isKnown || accounts.length === 0)) return null
  const choices = accounts.map((one) => ({ id: one.account_id, title: one.account_id }))
  if (!isKnown) choices.unshift({ id: account, title: account })
  return (
    <Choose
      label="Account"
      icon={<Building2 aria-hidden />}
      choices={choices}
      chosen={account}
      onChoose={(id) =>
        change({
          account: id,
          version: undefined,
          step: undefined,
          variant: undefined,
          people: undefined,
          find: undefined,
        })
      }
    />
  )
}
