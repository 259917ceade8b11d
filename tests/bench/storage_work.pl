# Reads and writes files below a directory in several ways, and prints how many seconds each took. Needs no modules.
my ($directory) = @ARGV;
my ($large, $piece, $small, $reads, $files) = (48 << 20, 1 << 20, 4096, 2000, 400);

sub now {
  my $time = pack("q2", 0, 0);
  syscall(228, 1, $time);    # clock_gettime, CLOCK_MONOTONIC
  my ($seconds, $nanoseconds) = unpack("q2", $time);
  return $seconds + $nanoseconds / 1e9;
}

sub measure {
  my ($name, $work) = @_;
  my $start = now();
  $work->();
  printf("%s=%.6f\n", $name, now() - $start);
}

sub slurp {
  my ($path, $step) = @_;
  open(my $file, "<:raw", $path) or die("$path: $!");
  my $bytes;
  1 while sysread($file, $bytes, $step);
}

measure("write", sub {
  open(my $file, ">:raw", "$directory/written") or die($!);
  my $bytes = "x" x $piece;
  syswrite($file, $bytes) == $piece or die($!) for 1 .. $large / $piece;
  syscall(74, fileno($file)) == 0 or die($!);    # fsync
});
measure("read", sub { slurp("$directory/sequential", $piece) });
measure("random", sub {
  open(my $file, "<:raw", "$directory/random") or die($!);
  my ($bytes, $at) = ("", 1);
  for (1 .. $reads) {
    $at = ($at * 1103515245 + 12345) % 2147483648;
    sysseek($file, ($at % ($large / $small)) * $small, 0);
    sysread($file, $bytes, $small) == $small or die($!);
  }
});
measure("small", sub {
  mkdir("$directory/small") or die($!);
  for my $name (1 .. $files) {
    open(my $file, ">:raw", "$directory/small/$name") or die($!);
    syswrite($file, "y" x $small);
  }
  -f "$directory/small/$_" or die($!) for 1 .. $files;
  slurp("$directory/small/$_", $small) for 1 .. $files;
  unlink("$directory/small/$_") or die($!) for 1 .. $files;
  rmdir("$directory/small") or die($!);
});
