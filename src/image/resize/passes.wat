;; The two passes of a resize, four sums at a time. Weights are whole numbers of 2^-22 that are not negative and add up to
;; one, so a sum of 8-bit products fits 32 bits and the rounded result fits 8.
(module
  (import "env" "memory" (memory 1))

  ;; One row of RGB pixels, made as wide as the kernel says.
  ;; $input: the row, with a byte to spare, for pixels are read as four bytes. $output: likewise, to be written.
  ;; $starts, $lengths: for each of $width output pixels the first input pixel it sees and their number, as i32.
  ;; $weights: $taps of them for each output pixel, as i32.
  (func (export "row")
    (param $input i32) (param $output i32) (param $width i32)
    (param $starts i32) (param $lengths i32) (param $weights i32) (param $taps i32)
    (local $end i32) (local $pixel i32) (local $weight i32) (local $last i32) (local $sum v128)
    (local.set $taps (i32.shl (local.get $taps) (i32.const 2)))
    (local.set $end (i32.add (local.get $output) (i32.mul (local.get $width) (i32.const 3))))
    (loop $outputs
      (local.set $sum (v128.const i32x4 0x200000 0x200000 0x200000 0x200000)) ;; rounds to the nearest
      (local.set $pixel
        (i32.add (local.get $input) (i32.mul (i32.load (local.get $starts)) (i32.const 3))))
      (local.set $weight (local.get $weights))
      (local.set $last
        (i32.add (local.get $weight) (i32.shl (i32.load (local.get $lengths)) (i32.const 2))))
      (loop $inputs
        (local.set $sum
          (i32x4.add
            (local.get $sum)
            (i32x4.mul
              (v128.load32_splat (local.get $weight))
              (i32x4.extend_low_i16x8_u
                (i16x8.extend_low_i8x16_u (v128.load32_zero (local.get $pixel)))))))
        (local.set $pixel (i32.add (local.get $pixel) (i32.const 3)))
        (local.set $weight (i32.add (local.get $weight) (i32.const 4)))
        (br_if $inputs (i32.lt_u (local.get $weight) (local.get $last))))
      (local.set $sum (i32x4.shr_u (local.get $sum) (i32.const 22)))
      (local.set $sum (i16x8.narrow_i32x4_u (local.get $sum) (local.get $sum)))
      ;; The fourth byte is the next pixel's first, which comes after it.
      (v128.store32_lane 0
        (local.get $output)
        (i8x16.narrow_i16x8_u (local.get $sum) (local.get $sum)))
      (local.set $output (i32.add (local.get $output) (i32.const 3)))
      (local.set $starts (i32.add (local.get $starts) (i32.const 4)))
      (local.set $lengths (i32.add (local.get $lengths) (i32.const 4)))
      (local.set $weights (i32.add (local.get $weights) (local.get $taps)))
      (br_if $outputs (i32.lt_u (local.get $output) (local.get $end)))))

  ;; One row of the result: a weighted sum of $length rows from number $first on.
  ;; $ring: row n lies in place n of it, modulo a power of two of which $mask is one less. Each takes $stride bytes, a
  ;; multiple of 16. $weights: as i32. $output: $stride bytes.
  (func (export "column")
    (param $ring i32) (param $mask i32) (param $stride i32)
    (param $first i32) (param $length i32) (param $weights i32) (param $output i32)
    (local $at i32) (local $tap i32) (local $bytes v128) (local $half v128) (local $weight v128)
    (local $a v128) (local $b v128) (local $c v128) (local $d v128)
    (loop $blocks
      (local.set $a (v128.const i32x4 0x200000 0x200000 0x200000 0x200000))
      (local.set $b (local.get $a))
      (local.set $c (local.get $a))
      (local.set $d (local.get $a))
      (local.set $tap (i32.const 0))
      (loop $rows
        (local.set $weight
          (v128.load32_splat
            (i32.add (local.get $weights) (i32.shl (local.get $tap) (i32.const 2)))))
        (local.set $bytes
          (v128.load
            (i32.add
              (i32.add (local.get $ring) (local.get $at))
              (i32.mul
                (i32.and (i32.add (local.get $first) (local.get $tap)) (local.get $mask))
                (local.get $stride)))))
        (local.set $half (i16x8.extend_low_i8x16_u (local.get $bytes)))
        (local.set $a
          (i32x4.add (local.get $a)
            (i32x4.mul (local.get $weight) (i32x4.extend_low_i16x8_u (local.get $half)))))
        (local.set $b
          (i32x4.add (local.get $b)
            (i32x4.mul (local.get $weight) (i32x4.extend_high_i16x8_u (local.get $half)))))
        (local.set $half (i16x8.extend_high_i8x16_u (local.get $bytes)))
        (local.set $c
          (i32x4.add (local.get $c)
            (i32x4.mul (local.get $weight) (i32x4.extend_low_i16x8_u (local.get $half)))))
        (local.set $d
          (i32x4.add (local.get $d)
            (i32x4.mul (local.get $weight) (i32x4.extend_high_i16x8_u (local.get $half)))))
        (local.set $tap (i32.add (local.get $tap) (i32.const 1)))
        (br_if $rows (i32.lt_u (local.get $tap) (local.get $length))))
      (v128.store
        (i32.add (local.get $output) (local.get $at))
        (i8x16.narrow_i16x8_u
          (i16x8.narrow_i32x4_u
            (i32x4.shr_u (local.get $a) (i32.const 22))
            (i32x4.shr_u (local.get $b) (i32.const 22)))
          (i16x8.narrow_i32x4_u
            (i32x4.shr_u (local.get $c) (i32.const 22))
            (i32x4.shr_u (local.get $d) (i32.const 22)))))
      (local.set $at (i32.add (local.get $at) (i32.const 16)))
      (br_if $blocks (i32.lt_u (local.get $at) (local.get $stride))))))
