"""How RocksDB is set up: one bounded memory for all partitions, and safe, quick files."""

from rocksdict import (
    BlockBasedOptions,
    Cache,
    ChecksumType,
    DBCompressionType,
    DBRecoveryMode,
    Options,
    WriteBufferManager,
)

DEFAULT_LIMIT_BYTES = 256 * 1024 * 1024
MIB = 1024 * 1024


class StoreMemory:
    """The memory that all stores of a process share.

    `limit_bytes` bounds the block cache, in which data, indexes, filters and the write buffers of
    every store are accounted together, however many stores are open and however large they are.
    A process makes one and opens all its stores with it.
    """

    def __init__(self, limit_bytes: int = DEFAULT_LIMIT_BYTES) -> None:
        if limit_bytes < 16 * MIB:
            raise ValueError(f"limit_bytes is {limit_bytes}, and must be at least {16 * MIB}")
        self.limit_bytes = limit_bytes
        self.cache = Cache(limit_bytes)
        self.write_buffers = WriteBufferManager.new_write_buffer_manager_with_cache(
            limit_bytes // 2, False, self.cache
        )

    def used_bytes(self) -> int:
        """Bytes in use now: cached blocks, indexes, filters and write buffers of all stores."""
        return self.cache.get_usage()


def store_options(memory: StoreMemory) -> Options:
    """Build the options that every store is opened with."""
    tables = BlockBasedOptions()
    tables.set_block_cache(memory.cache)
    tables.set_cache_index_and_filter_blocks(True)
    tables.set_pin_l0_filter_and_index_blocks_in_cache(True)
    tables.set_bloom_filter(10, False)
    tables.set_format_version(5)
    tables.set_checksum_type(ChecksumType.xxh3())

    options = Options(raw_mode=True)
    options.set_block_based_table_factory(tables)
    options.set_write_buffer_manager(memory.write_buffers)
    options.set_write_buffer_size(max(4 * MIB, min(64 * MIB, memory.limit_bytes // 8)))
    options.set_max_write_buffer_number(4)
    options.set_compression_type(DBCompressionType.lz4())
    options.set_paranoid_checks(True)
    options.set_wal_recovery_mode(DBRecoveryMode.tolerate_corrupted_tail_records())
    options.set_max_background_jobs(2)
    options.set_keep_log_file_num(3)
    options.set_max_log_file_size(4 * MIB)
    return options
