import styles from './ChannelDot.module.css'
import { channelColour } from './names'

/** The colour of a channel, beside its name. */
export const ChannelDot = ({ channel }: { channel: string }) => (
  <span className={styles.dot} style={{ background: channelColour(channel) }} aria-hidden />
)
