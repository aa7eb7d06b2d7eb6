"""How RocksDB is set up: one bounded memory for all partitions, and safe, quick files."""

from rocksdict import (
    BlockBasedOptions,
    Cache,
    ChecksumType,
    DataBlockIndexType,
    DBCompressionType,
    DBRecoveryMode,
    Options,
    ReadOptions,
    WriteBufferManager,
)

MIB = 1024 * 1024
DEFAULT_LIMIT_BYTES = 256 * MIB
LEAST_LIMIT_BYTES = 16 * MIB


class StoreMemory:
    """The memory that all stores of a process share.

    `limit_bytes` bounds what every store takes together, however many are open and however large they
    are: at most half of it is write buffers, the rest indexes, filters and the blocks of scans. A process
    makes one and opens all its stores with it.
    """

    def __init__(self, limit_bytes: int = DEFAULT_LIMIT_BYTES) -> None:
        if limit_bytes < LEAST_LIMIT_BYTES:
            raise ValueError(f"limit_bytes is {limit_bytes}, and must be at least {LEAST_LIMIT_BYTES}")
        self.limit_bytes = limit_bytes
        self.cache = Cache(limit_bytes)
        self.write_buffers = WriteBufferManager.new_write_buffer_manager_with_cache(
            limit_bytes // 2, False, self.cache
        )

    def used_bytes(self) -> int:
        """Count the bytes in use now: write buffers, indexes, filters and blocks of all stores."""
        return self.cache.get_usage()


def store_options(memory: StoreMemory) -> Options:
    """Build the options that every store is opened with."""
    options = Options(raw_mode=True)
    options.set_block_based_table_factory(_table_options(memory))
    _set_memory(options, memory)
    _set_files(options)
    _set_safety(options)
    return options


def read_options(*, caching: bool) -> ReadOptions:
    """Build the options of single reads, which keep the blocks that they read in the cache or do not.

    Histories are far more than the cache can hold and the fold keeps those in use itself: without the churn
    a read takes a quarter less time. But indexes and filters come into the cache by the same way, so that
    some reads have to be caching ones.
    """
    options = ReadOptions()
    # The stub of rocksdict 0.3.29 declares this without its argument.
    options.fill_cache(caching)  # type: ignore[call-arg]
    return options


def _table_options(memory: StoreMemory) -> BlockBasedOptions:
    tables = BlockBasedOptions()
    tables.set_block_cache(memory.cache)
    tables.set_cache_index_and_filter_blocks(True)
    tables.set_pin_l0_filter_and_index_blocks_in_cache(True)
    # A read of a user that is not there, and of a level that does not have it, costs the filter only.
    tables.set_bloom_filter(10, False)
    tables.set_data_block_index_type(DataBlockIndexType.binary_and_hash())
    tables.set_data_block_hash_ratio(0.75)
    tables.set_format_version(5)
    tables.set_checksum_type(ChecksumType.xxh3())
    return tables


def _set_memory(options: Options, memory: StoreMemory) -> None:
    options.set_write_buffer_manager(memory.write_buffers)
    options.set_write_buffer_size(max(2 * MIB, min(32 * MIB, memory.limit_bytes // 8)))
    options.set_max_write_buffer_number(4)
    options.set_memtable_whole_key_filtering(True)
    options.set_memtable_prefix_bloom_ratio(0.05)


def _set_files(options: Options) -> None:
    # The last level holds most of the data: compressed it is half as large, and fits the page cache longer.
    options.set_compression_type(DBCompressionType.none())
    options.set_bottommost_compression_type(DBCompressionType.lz4())
    # A write waits with the interpreter's lock held: let files pile up rather than slow writes down.
    options.set_level_zero_file_num_compaction_trigger(6)
    options.set_level_zero_slowdown_writes_trigger(40)
    options.set_level_zero_stop_writes_trigger(60)
    options.set_max_background_jobs(2)
    options.set_allow_concurrent_memtable_write(False)
    options.set_bytes_per_sync(MIB)
    options.set_avoid_unnecessary_blocking_io(True)
    options.set_skip_stats_update_on_db_open(True)
    options.set_max_manifest_file_size(16 * MIB)
    options.set_keep_log_file_num(3)
    options.set_max_log_file_size(4 * MIB)
    options.set_stats_dump_period_sec(0)
    options.set_stats_persist_period_sec(0)


def _set_safety(options: Options) -> None:
    options.set_paranoid_checks(True)
    # After a crash the log is read up to its first damage and never beyond: what is found is a state that
    # once was. The store's mark then tells whether batches are missing from it. The other modes either
    # refuse a torn tail, or go on after a gap.
    options.set_wal_recovery_mode(DBRecoveryMode.point_in_time())
