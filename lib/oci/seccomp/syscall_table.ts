/**
 * Numbers of Linux's system calls, generated from the kernel's tables as of 7.1: `name=x86/x86_64/arm/aarch64`, a part
 * being empty where the architecture does not have the call.
 */
export const SYSCALL_TABLE = `
accept=/43/285/202 accept4=364/288/366/242 access=33/21/33/ acct=51/163/51/89 add_key=286/248/309/217
adjtimex=124/159/124/171 afs_syscall=137/183// alarm=27/37// arch_prctl=384/158// arm_fadvise64_64=//270/
arm_sync_file_range=//341/ bdflush=134//134/ bind=361/49/282/200 bpf=357/321/386/280 break=17/// breakpoint=//983041/
brk=45/12/45/214 cacheflush=//983042/ cachestat=451/451/451/451 capget=184/125/184/90 capset=185/126/185/91
chdir=12/80/12/49 chmod=15/90/15/ chown=182/92/182/ chown32=212//212/ chroot=61/161/61/51
clock_adjtime=343/305/372/266 clock_adjtime64=405//405/ clock_getres=266/229/264/114 clock_getres_time64=406//406/
clock_gettime=265/228/263/113 clock_gettime64=403//403/ clock_nanosleep=267/230/265/115
clock_nanosleep_time64=407//407/ clock_settime=264/227/262/112 clock_settime64=404//404/ clone=120/56/120/220
clone3=435/435/435/435 close=6/3/6/57 close_range=436/436/436/436 connect=362/42/283/203
copy_file_range=377/326/391/285 creat=8/85/8/ create_module=127/174// delete_module=129/176/129/106 dup=41/32/41/23
dup2=63/33/63/ dup3=330/292/358/24 epoll_create=254/213/250/ epoll_create1=329/291/357/20 epoll_ctl=255/233/251/21
epoll_ctl_old=/214// epoll_pwait=319/281/346/22 epoll_pwait2=441/441/441/441 epoll_wait=256/232/252/
epoll_wait_old=/215// eventfd=323/284/351/ eventfd2=328/290/356/19 execve=11/59/11/221 execveat=358/322/387/281
exit=1/60/1/93 exit_group=252/231/248/94 faccessat=307/269/334/48 faccessat2=439/439/439/439 fadvise64=250/221//223
fadvise64_64=272/// fallocate=324/285/352/47 fanotify_init=338/300/367/262 fanotify_mark=339/301/368/263
fchdir=133/81/133/50 fchmod=94/91/94/52 fchmodat=306/268/333/53 fchmodat2=452/452/452/452 fchown=95/93/95/55
fchown32=207//207/ fchownat=298/260/325/54 fcntl=55/72/55/25 fcntl64=221//221/ fdatasync=148/75/148/83
fgetxattr=231/193/231/10 file_getattr=468/468/468/468 file_setattr=469/469/469/469 finit_module=350/313/379/273
flistxattr=234/196/234/13 flock=143/73/143/32 fork=2/57/2/ fremovexattr=237/199/237/16 fsconfig=431/431/431/431
fsetxattr=228/190/228/7 fsmount=432/432/432/432 fsopen=430/430/430/430 fspick=433/433/433/433 fstat=108/5/108/80
fstat64=197//197/ fstatat64=300//327/ fstatfs=100/138/100/44 fstatfs64=269//267/ fsync=118/74/118/82 ftime=35///
ftruncate=93/77/93/46 ftruncate64=194//194/ futex=240/202/240/98 futex_requeue=456/456/456/456 futex_time64=422//422/
futex_wait=455/455/455/455 futex_waitv=449/449/449/449 futex_wake=454/454/454/454 futimesat=299/261/326/
getcpu=318/309/345/168 getcwd=183/79/183/17 getdents=141/78/141/ getdents64=220/217/217/61 getegid=50/108/50/177
getegid32=202//202/ geteuid=49/107/49/175 geteuid32=201//201/ getgid=47/104/47/176 getgid32=200//200/
getgroups=80/115/80/158 getgroups32=205//205/ getitimer=105/36/105/102 get_kernel_syms=130/177//
get_mempolicy=275/239/320/236 getpeername=368/52/287/205 getpgid=132/121/132/155 getpgrp=65/111/65/
getpid=20/39/20/172 getpmsg=188/181// getppid=64/110/64/173 getpriority=96/140/96/141 getrandom=355/318/384/278
getresgid=171/120/171/150 getresgid32=211//211/ getresuid=165/118/165/148 getresuid32=209//209/ getrlimit=76/97//163
get_robust_list=312/274/339/100 getrusage=77/98/77/165 getsid=147/124/147/156 getsockname=367/51/286/204
getsockopt=365/55/295/209 get_thread_area=244/211// gettid=224/186/224/178 gettimeofday=78/96/78/169 get_tls=//983046/
getuid=24/102/24/174 getuid32=199//199/ getxattr=229/191/229/8 getxattrat=464/464/464/464 gtty=32/// idle=112///
init_module=128/175/128/105 inotify_add_watch=292/254/317/27 inotify_init=291/253/316/ inotify_init1=332/294/360/26
inotify_rm_watch=293/255/318/28 io_cancel=249/210/247/3 ioctl=54/16/54/29 io_destroy=246/207/244/1
io_getevents=247/208/245/4 ioperm=101/173// io_pgetevents=385/333/399/292 io_pgetevents_time64=416//416/
iopl=110/172// ioprio_get=290/252/315/31 ioprio_set=289/251/314/30 io_setup=245/206/243/0 io_submit=248/209/246/2
io_uring_enter=426/426/426/426 io_uring_register=427/427/427/427 io_uring_setup=425/425/425/425 ipc=117///
kcmp=349/312/378/272 kexec_file_load=/320/401/294 kexec_load=283/246/347/104 keyctl=288/250/311/219 kill=37/62/37/129
landlock_add_rule=445/445/445/445 landlock_create_ruleset=444/444/444/444 landlock_restrict_self=446/446/446/446
lchown=16/94/16/ lchown32=198//198/ lgetxattr=230/192/230/9 link=9/86/9/ linkat=303/265/330/37 listen=363/50/284/201
listmount=458/458/458/458 listns=470/470/470/470 listxattr=232/194/232/11 listxattrat=465/465/465/465
llistxattr=233/195/233/12 _llseek=140//140/ lock=53/// lookup_dcookie=253/212/249/18 lremovexattr=236/198/236/15
lseek=19/8/19/62 lsetxattr=227/189/227/6 lsm_get_self_attr=459/459/459/459 lsm_list_modules=461/461/461/461
lsm_set_self_attr=460/460/460/460 lstat=107/6/107/ lstat64=196//196/ madvise=219/28/220/233
map_shadow_stack=453/453/453/453 mbind=274/237/319/235 membarrier=375/324/389/283 memfd_create=356/319/385/279
memfd_secret=447/447//447 migrate_pages=294/256/400/238 mincore=218/27/219/232 mkdir=39/83/39/ mkdirat=296/258/323/34
mknod=14/133/14/ mknodat=297/259/324/33 mlock=150/149/150/228 mlock2=376/325/390/284 mlockall=152/151/152/230
mmap=90/9//222 mmap2=192//192/ modify_ldt=123/154// mount=21/165/21/40 mount_setattr=442/442/442/442
move_mount=429/429/429/429 move_pages=317/279/344/239 mprotect=125/10/125/226 mpx=56/// mq_getsetattr=282/245/279/185
mq_notify=281/244/278/184 mq_open=277/240/274/180 mq_timedreceive=280/243/277/183 mq_timedreceive_time64=419//419/
mq_timedsend=279/242/276/182 mq_timedsend_time64=418//418/ mq_unlink=278/241/275/181 mremap=163/25/163/216
mseal=462/462/462/462 msgctl=402/71/304/187 msgget=399/68/303/186 msgrcv=401/70/302/188 msgsnd=400/69/301/189
msync=144/26/144/227 munlock=151/150/151/229 munlockall=153/152/153/231 munmap=91/11/91/215
name_to_handle_at=341/303/370/264 nanosleep=162/35/162/101 newfstatat=/262//79 _newselect=142//142/
nfsservctl=169/180/169/42 nice=34//34/ oldfstat=28/// oldlstat=84/// oldolduname=59/// oldstat=18/// olduname=109///
open=5/2/5/ openat=295/257/322/56 openat2=437/437/437/437 open_by_handle_at=342/304/371/265 open_tree=428/428/428/428
open_tree_attr=467/467/467/467 pause=29/34/29/ pciconfig_iobase=//271/ pciconfig_read=//272/ pciconfig_write=//273/
perf_event_open=336/298/364/241 personality=136/135/136/92 pidfd_getfd=438/438/438/438 pidfd_open=434/434/434/434
pidfd_send_signal=424/424/424/424 pipe=42/22/42/ pipe2=331/293/359/59 pivot_root=217/155/218/41
pkey_alloc=381/330/395/289 pkey_free=382/331/396/290 pkey_mprotect=380/329/394/288 poll=168/7/168/
ppoll=309/271/336/73 ppoll_time64=414//414/ prctl=172/157/172/167 pread64=180/17/180/67 preadv=333/295/361/69
preadv2=378/327/392/286 prlimit64=340/302/369/261 process_madvise=440/440/440/440 process_mrelease=448/448/448/448
process_vm_readv=347/310/376/270 process_vm_writev=348/311/377/271 prof=44/// profil=98/// pselect6=308/270/335/72
pselect6_time64=413//413/ ptrace=26/101/26/117 putpmsg=189/182// pwrite64=181/18/181/68 pwritev=334/296/362/70
pwritev2=379/328/393/287 query_module=167/178// quotactl=131/179/131/60 quotactl_fd=443/443/443/443 read=3/0/3/63
readahead=225/187/225/213 readdir=89/// readlink=85/89/85/ readlinkat=305/267/332/78 readv=145/19/145/65
reboot=88/169/88/142 recv=//291/ recvfrom=371/45/292/207 recvmmsg=337/299/365/243 recvmmsg_time64=417//417/
recvmsg=372/47/297/212 remap_file_pages=257/216/253/234 removexattr=235/197/235/14 removexattrat=466/466/466/466
rename=38/82/38/ renameat=302/264/329/38 renameat2=353/316/382/276 request_key=287/249/310/218
restart_syscall=0/219/0/128 rmdir=40/84/40/ rseq=386/334/398/293 rseq_slice_yield=471/471/471/471
rt_sigaction=174/13/174/134 rt_sigpending=176/127/176/136 rt_sigprocmask=175/14/175/135
rt_sigqueueinfo=178/129/178/138 rt_sigreturn=173/15/173/139 rt_sigsuspend=179/130/179/133
rt_sigtimedwait=177/128/177/137 rt_sigtimedwait_time64=421//421/ rt_tgsigqueueinfo=335/297/363/240
sched_getaffinity=242/204/242/123 sched_getattr=352/315/381/275 sched_getparam=155/143/155/121
sched_get_priority_max=159/146/159/125 sched_get_priority_min=160/147/160/126 sched_getscheduler=157/145/157/120
sched_rr_get_interval=161/148/161/127 sched_rr_get_interval_time64=423//423/ sched_setaffinity=241/203/241/122
sched_setattr=351/314/380/274 sched_setparam=154/142/154/118 sched_setscheduler=156/144/156/119
sched_yield=158/24/158/124 seccomp=354/317/383/277 security=/185// select=82/23// semctl=394/66/300/191
semget=393/64/299/190 semop=/65/298/193 semtimedop=/220/312/192 semtimedop_time64=420//420/ send=//289/
sendfile=187/40/187/71 sendfile64=239//239/ sendmmsg=345/307/374/269 sendmsg=370/46/296/211 sendto=369/44/290/206
setdomainname=121/171/121/162 setfsgid=139/123/139/152 setfsgid32=216//216/ setfsuid=138/122/138/151
setfsuid32=215//215/ setgid=46/106/46/144 setgid32=214//214/ setgroups=81/116/81/159 setgroups32=206//206/
sethostname=74/170/74/161 setitimer=104/38/104/103 set_mempolicy=276/238/321/237
set_mempolicy_home_node=450/450/450/450 setns=346/308/375/268 setpgid=57/109/57/154 setpriority=97/141/97/140
setregid=71/114/71/143 setregid32=204//204/ setresgid=170/119/170/149 setresgid32=210//210/ setresuid=164/117/164/147
setresuid32=208//208/ setreuid=70/113/70/145 setreuid32=203//203/ setrlimit=75/160/75/164
set_robust_list=311/273/338/99 setsid=66/112/66/157 setsockopt=366/54/294/208 set_thread_area=243/205//
set_tid_address=258/218/256/96 settimeofday=79/164/79/170 set_tls=//983045/ setuid=23/105/23/146 setuid32=213//213/
setxattr=226/188/226/5 setxattrat=463/463/463/463 sgetmask=68/// shmat=397/30/305/196 shmctl=396/31/308/195
shmdt=398/67/306/197 shmget=395/29/307/194 shutdown=373/48/293/210 sigaction=67//67/ sigaltstack=186/131/186/132
signal=48/// signalfd=321/282/349/ signalfd4=327/289/355/74 sigpending=73//73/ sigprocmask=126//126/
sigreturn=119//119/ sigsuspend=72//72/ socket=359/41/281/198 socketcall=102/// socketpair=360/53/288/199
splice=313/275/340/76 ssetmask=69/// stat=106/4/106/ stat64=195//195/ statfs=99/137/99/43 statfs64=268//266/
statmount=457/457/457/457 statx=383/332/397/291 stime=25/// stty=31/// swapoff=115/168/115/225 swapon=87/167/87/224
symlink=83/88/83/ symlinkat=304/266/331/36 sync=36/162/36/81 sync_file_range=314/277//84 syncfs=344/306/373/267
_sysctl=149/156/149/ sysfs=135/139/135/ sysinfo=116/99/116/179 syslog=103/103/103/116 tee=315/276/342/77
tgkill=270/234/268/131 time=13/201// timer_create=259/222/257/107 timer_delete=263/226/261/111
timerfd_create=322/283/350/85 timerfd_gettime=326/287/354/87 timerfd_gettime64=410//410/
timerfd_settime=325/286/353/86 timerfd_settime64=411//411/ timer_getoverrun=262/225/260/109
timer_gettime=261/224/259/108 timer_gettime64=408//408/ timer_settime=260/223/258/110 timer_settime64=409//409/
times=43/100/43/153 tkill=238/200/238/130 truncate=92/76/92/45 truncate64=193//193/ tuxcall=/184//
ugetrlimit=191//191/ ulimit=58/// umask=60/95/60/166 umount=22/// umount2=52/166/52/39 uname=122/63/122/160
unlink=10/87/10/ unlinkat=301/263/328/35 unshare=310/272/337/97 uprobe=/336// uretprobe=/335// uselib=86/134/86/
userfaultfd=374/323/388/282 usr26=//983043/ usr32=//983044/ ustat=62/136/62/ utime=30/132// utimensat=320/280/348/88
utimensat_time64=412//412/ utimes=271/235/269/ vfork=190/58/190/ vhangup=111/153/111/58 vm86=166/// vm86old=113///
vmsplice=316/278/343/75 vserver=273/236/313/ wait4=114/61/114/260 waitid=284/247/280/95 waitpid=7/// write=4/1/4/64
writev=146/20/146/66
`;
