import {
  AppWindow,
  Bell,
  CircleHelp,
  Clock,
  Flag,
  GitFork,
  Mail,
  MessageCircle,
  MessageCircleMore,
  MessageSquare,
  Phone,
  PhoneCall,
  Split,
  Webhook,
  Zap,
} from 'lucide-react'
import type { Step } from '@/api/generated'
import { channelColour } from '../channels/names'

const OF_TYPES: Readonly<Record<string, typeof Clock>> = {
  message: MessageSquare,
  wait: Clock,
  condition: GitFork,
  split: Split,
  action: Zap,
  ivr_menu: PhoneCall,
  end: Flag,
}
const OF_CHANNELS: Readonly<Record<string, typeof Clock>> = {
  push: Bell,
  sms: MessageSquare,
  email: Mail,
  in_app: AppWindow,
  viber: MessageCircle,
  whatsapp: MessageCircleMore,
  voice: Phone,
  webhook: Webhook,
}

/** What kind of step it is; a message has its channel's colour. */
export function StepIcon({ type, channel }: Pick<Step, 'type' | 'channel'>) {
  const Icon = (channel === null ? undefined : OF_CHANNELS[channel]) ?? OF_TYPES[type ?? ''] ?? CircleHelp
  return (
    <Icon
      size={16}
      aria-hidden
      color={channel === null ? 'var(--text-muted)' : channelColour(channel)}
      style={{ flex: 'none' }}
    />
  )
}
