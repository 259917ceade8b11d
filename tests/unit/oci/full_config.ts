/** A config.json that has every key of runtime-spec 1.1's schema. */
export const FULL_CONFIG = {
  "ociVersion": "1.1.0",
  "process": {
    "terminal": true,
    "user": {
      "uid": 1,
      "gid": 1,
      "additionalGids": [
        5,
        6,
      ],
      "umask": 23,
      "username": "w",
    },
    "args": [
      "sh",
    ],
    "env": [
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      "TERM=xterm",
    ],
    "cwd": "/",
    "capabilities": {
      "bounding": [
        "CAP_AUDIT_WRITE",
        "CAP_KILL",
        "CAP_NET_BIND_SERVICE",
      ],
      "permitted": [
        "CAP_AUDIT_WRITE",
        "CAP_KILL",
        "CAP_NET_BIND_SERVICE",
      ],
      "inheritable": [
        "CAP_AUDIT_WRITE",
        "CAP_KILL",
        "CAP_NET_BIND_SERVICE",
      ],
      "effective": [
        "CAP_AUDIT_WRITE",
        "CAP_KILL",
      ],
      "ambient": [
        "CAP_NET_BIND_SERVICE",
      ],
    },
    "rlimits": [
      {
        "type": "RLIMIT_CORE",
        "hard": 1024,
        "soft": 1024,
      },
      {
        "type": "RLIMIT_NOFILE",
        "hard": 1024,
        "soft": 1024,
      },
    ],
    "apparmorProfile": "acme_secure_profile",
    "selinuxLabel": "system_u:system_r:svirt_lxc_net_t:s0:c124,c675",
    "noNewPrivileges": true,
    "consoleSize": {
      "height": 25,
      "width": 80,
    },
    "commandLine": "cmd",
    "oomScoreAdj": 100,
    "ioPriority": {
      "class": "IOPRIO_CLASS_BE",
      "priority": 4,
    },
    "scheduler": {
      "policy": "SCHED_DEADLINE",
      "nice": 1,
      "priority": 2,
      "flags": [
        "SCHED_FLAG_RESET_ON_FORK",
      ],
      "runtime": 1,
      "deadline": 2,
      "period": 3,
    },
  },
  "root": {
    "path": "rootfs",
    "readonly": true,
  },
  "hostname": "slartibartfast",
  "domainname": "foobarbaz.test",
  "mounts": [
    {
      "destination": "/proc",
      "type": "proc",
      "source": "proc",
      "uidMappings": [
        {
          "containerID": 0,
          "hostID": 0,
          "size": 1,
        },
      ],
      "gidMappings": [
        {
          "containerID": 0,
          "hostID": 0,
          "size": 1,
        },
      ],
    },
    {
      "destination": "/dev",
      "type": "tmpfs",
      "source": "tmpfs",
      "options": [
        "nosuid",
        "strictatime",
        "mode=755",
        "size=65536k",
      ],
    },
    {
      "destination": "/dev/pts",
      "type": "devpts",
      "source": "devpts",
      "options": [
        "nosuid",
        "noexec",
        "newinstance",
        "ptmxmode=0666",
        "mode=0620",
        "gid=5",
      ],
    },
    {
      "destination": "/dev/shm",
      "type": "tmpfs",
      "source": "shm",
      "options": [
        "nosuid",
        "noexec",
        "nodev",
        "mode=1777",
        "size=65536k",
      ],
    },
    {
      "destination": "/dev/mqueue",
      "type": "mqueue",
      "source": "mqueue",
      "options": [
        "nosuid",
        "noexec",
        "nodev",
      ],
    },
    {
      "destination": "/sys",
      "type": "sysfs",
      "source": "sysfs",
      "options": [
        "nosuid",
        "noexec",
        "nodev",
      ],
    },
    {
      "destination": "/sys/fs/cgroup",
      "type": "cgroup",
      "source": "cgroup",
      "options": [
        "nosuid",
        "noexec",
        "nodev",
        "relatime",
        "ro",
      ],
    },
  ],
  "hooks": {
    "prestart": [
      {
        "path": "/usr/bin/fix-mounts",
        "args": [
          "fix-mounts",
          "arg1",
          "arg2",
        ],
        "env": [
          "key1=value1",
        ],
        "timeout": 5,
      },
      {
        "path": "/usr/bin/setup-network",
        "args": [
          "x",
        ],
        "env": [
          "A=b",
        ],
        "timeout": 5,
      },
    ],
    "createRuntime": [
      {
        "path": "/usr/bin/fix-mounts",
        "args": [
          "fix-mounts",
          "arg1",
          "arg2",
        ],
        "env": [
          "key1=value1",
        ],
        "timeout": 5,
      },
      {
        "path": "/usr/bin/setup-network",
        "args": [
          "x",
        ],
        "env": [
          "A=b",
        ],
        "timeout": 5,
      },
    ],
    "createContainer": [
      {
        "path": "/usr/bin/mount-hook",
        "args": [
          "-mount",
          "arg1",
          "arg2",
        ],
        "env": [
          "key1=value1",
        ],
        "timeout": 5,
      },
    ],
    "startContainer": [
      {
        "path": "/usr/bin/refresh-ldcache",
        "args": [
          "x",
        ],
        "env": [
          "A=b",
        ],
        "timeout": 5,
      },
    ],
    "poststart": [
      {
        "path": "/usr/bin/notify-start",
        "timeout": 5,
        "args": [
          "x",
        ],
        "env": [
          "A=b",
        ],
      },
    ],
    "poststop": [
      {
        "path": "/usr/sbin/cleanup.sh",
        "args": [
          "cleanup.sh",
          "-f",
        ],
        "env": [
          "A=b",
        ],
        "timeout": 5,
      },
    ],
  },
  "linux": {
    "devices": [
      {
        "path": "/dev/fuse",
        "type": "c",
        "major": 10,
        "minor": 229,
        "fileMode": 438,
        "uid": 0,
        "gid": 0,
      },
      {
        "path": "/dev/sda",
        "type": "b",
        "major": 8,
        "minor": 0,
        "fileMode": 432,
        "uid": 0,
        "gid": 0,
      },
    ],
    "uidMappings": [
      {
        "containerID": 0,
        "hostID": 1000,
        "size": 32000,
      },
    ],
    "gidMappings": [
      {
        "containerID": 0,
        "hostID": 1000,
        "size": 32000,
      },
    ],
    "sysctl": {
      "net.ipv4.ip_forward": "1",
      "net.core.somaxconn": "256",
    },
    "cgroupsPath": "/myRuntime/myContainer",
    "resources": {
      "network": {
        "classID": 1048577,
        "priorities": [
          {
            "name": "eth0",
            "priority": 500,
          },
          {
            "name": "eth1",
            "priority": 1000,
          },
        ],
      },
      "pids": {
        "limit": 32771,
      },
      "hugepageLimits": [
        {
          "pageSize": "2MB",
          "limit": 9223372036854772000,
        },
        {
          "pageSize": "64KB",
          "limit": 1000000,
        },
      ],
      "memory": {
        "limit": 536870912,
        "reservation": 536870912,
        "swap": 536870912,
        "kernel": 4,
        "kernelTCP": 5,
        "swappiness": 6,
        "disableOOMKiller": true,
        "useHierarchy": true,
        "checkBeforeUpdate": true,
      },
      "cpu": {
        "shares": 1024,
        "quota": 1000000,
        "burst": 1000000,
        "period": 500000,
        "realtimeRuntime": 950000,
        "realtimePeriod": 1000000,
        "cpus": "2-3",
        "mems": "0-7",
        "idle": 1,
      },
      "devices": [
        {
          "allow": false,
          "access": "rwm",
        },
        {
          "allow": true,
          "type": "c",
          "major": 10,
          "minor": 229,
          "access": "rw",
        },
        {
          "allow": true,
          "type": "b",
          "major": 8,
          "minor": 0,
          "access": "r",
        },
      ],
      "blockIO": {
        "weight": 10,
        "leafWeight": 10,
        "weightDevice": [
          {
            "major": 8,
            "minor": 0,
            "weight": 500,
            "leafWeight": 300,
          },
          {
            "major": 8,
            "minor": 16,
            "weight": 500,
          },
        ],
        "throttleReadBpsDevice": [
          {
            "major": 8,
            "minor": 0,
            "rate": 600,
          },
        ],
        "throttleWriteIOPSDevice": [
          {
            "major": 8,
            "minor": 16,
            "rate": 300,
          },
        ],
        "throttleWriteBpsDevice": [
          {
            "major": 8,
            "minor": 0,
            "rate": 1,
          },
        ],
        "throttleReadIOPSDevice": [
          {
            "major": 8,
            "minor": 0,
            "rate": 1,
          },
        ],
      },
      "unified": {
        "memory.high": "max",
      },
      "rdma": {
        "mlx5_1": {
          "hcaHandles": 3,
          "hcaObjects": 10000,
        },
      },
    },
    "rootfsPropagation": "slave",
    "seccomp": {
      "defaultAction": "SCMP_ACT_ALLOW",
      "architectures": [
        "SCMP_ARCH_X86",
        "SCMP_ARCH_X32",
      ],
      "syscalls": [
        {
          "names": [
            "getcwd",
            "chmod",
          ],
          "action": "SCMP_ACT_ERRNO",
          "errnoRet": 1,
          "args": [
            {
              "index": 0,
              "value": 1,
              "valueTwo": 2,
              "op": "SCMP_CMP_MASKED_EQ",
            },
          ],
        },
      ],
      "defaultErrnoRet": 1,
      "flags": [
        "SECCOMP_FILTER_FLAG_LOG",
      ],
      "listenerPath": "/run/l",
      "listenerMetadata": "m",
    },
    "timeOffsets": {
      "monotonic": {
        "secs": 172800,
        "nanosecs": 0,
      },
      "boottime": {
        "secs": 604800,
        "nanosecs": 0,
      },
    },
    "namespaces": [
      {
        "type": "pid",
        "path": "/proc/1/ns/pid",
      },
      {
        "type": "network",
      },
      {
        "type": "ipc",
      },
      {
        "type": "uts",
      },
      {
        "type": "mount",
      },
      {
        "type": "user",
      },
      {
        "type": "cgroup",
      },
      {
        "type": "time",
      },
    ],
    "maskedPaths": [
      "/proc/kcore",
      "/proc/latency_stats",
      "/proc/timer_stats",
      "/proc/sched_debug",
    ],
    "readonlyPaths": [
      "/proc/asound",
      "/proc/bus",
      "/proc/fs",
      "/proc/irq",
      "/proc/sys",
      "/proc/sysrq-trigger",
    ],
    "mountLabel": "system_u:object_r:svirt_sandbox_file_t:s0:c715,c811",
    "intelRdt": {
      "closID": "g",
      "l3CacheSchema": "L3:0=f",
      "memBwSchema": "MB:0=1",
      "enableCMT": true,
      "enableMBM": true,
    },
    "personality": {
      "domain": "LINUX",
      "flags": [
        "x",
      ],
    },
  },
  "annotations": {
    "com.example.key1": "value1",
    "com.example.key2": "value2",
  },
  "solaris": {
    "milestone": "m",
  },
  "windows": {
    "layerFolders": [
      "x",
    ],
  },
  "vm": {
    "kernel": {
      "path": "/k",
    },
  },
  "zos": {
    "devices": [
      {
        "path": "x",
      },
    ],
  },
} as const;
