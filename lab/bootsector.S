/* lab/bootsector.S: the smallest guest. A 512-byte boot sector that is up 0.3 s after QEMU starts, and idles in hlt.
 *
 * Contract: prints "MESON-BOOTSECTOR ready" on COM1, then echoes what COM1 gets (CR as CR LF). Ctrl-P, and the ACPI power button,
 * power the machine off. Assembled with --defsym DEAF=1 it has no ear for the button, so that a soft shutdown never succeeds.
 * Knows QEMU's pc and q35 machines, where SeaBIOS puts the ACPI registers at 0x600.
 */
	.code16
	.globl _start
	.set COM1, 0x3f8
	.set PM1_STATUS, 0x600
	.set PM1_ENABLE, 0x602
	.set PM1_CONTROL, 0x604
_start:
	cli
	xor %ax, %ax
	mov %ax, %ds
	mov %ax, %es
	mov %ax, %ss
	mov $0x7c00, %sp
	ljmp $0, $1f
1:	movw $irq4, 0x0c * 4		/* interrupt 4 only ends hlt */
	mov %ax, 0x0c * 4 + 2

	mov $COM1 + 1, %dx		/* interrupts off while the divisor is set: 115200 8n1 */
	out %al, %dx
	mov $COM1 + 3, %dx
	mov $0x80, %al
	out %al, %dx
	mov $COM1, %dx
	mov $1, %al
	out %al, %dx
	inc %dx
	xor %al, %al
	out %al, %dx
	mov $COM1 + 3, %dx
	mov $3, %al
	out %al, %dx
	dec %dx				/* FIFOs on and empty */
	mov $7, %al
	out %al, %dx
	mov $COM1 + 4, %dx		/* DTR, RTS, OUT2: lets the interrupt through */
	mov $0x0b, %al
	out %al, %dx
	mov $COM1 + 1, %dx		/* interrupt on a received byte */
	mov $1, %al
	out %al, %dx
	in $0x21, %al
	and $0xef, %al
	out %al, $0x21

	.ifndef DEAF
	mov $PM1_ENABLE, %dx		/* the power button sets its status bit only where it is enabled */
	mov $0x100, %ax
	out %ax, %dx
	.endif
	mov $banner, %si
	cld
2:	lodsb
	test %al, %al
	jz idle
	call put
	jmp 2b

idle:	sti
	hlt				/* 18 timer ticks a second, and every byte */
	cli				/* a byte that comes after the look at COM1 then still ends hlt */
	.ifndef DEAF
	mov $PM1_STATUS, %dx
	in %dx, %ax
	test $1, %ah
	jnz off
	.endif
3:	mov $COM1 + 5, %dx
	in %dx, %al
	test $1, %al
	jz idle
	mov $COM1, %dx
	in %dx, %al
	cmp $0x10, %al
	je off
	call put
	cmp $13, %al
	jne 3b
	mov $10, %al
	call put
	jmp 3b

off:	mov $PM1_CONTROL, %dx		/* SLP_TYP 0 with SLP_EN: S5 */
	mov $0x2000, %ax
	out %ax, %dx
	jmp idle

put:	push %ax
	mov $COM1 + 5, %dx
4:	in %dx, %al
	test $0x20, %al
	jz 4b
	pop %ax
	mov $COM1, %dx
	out %al, %dx
	ret

irq4:	push %ax
	mov $0x20, %al
	out %al, $0x20
	pop %ax
	iret

banner:	.asciz "MESON-BOOTSECTOR ready\r\n"

	.org 510
	.word 0xaa55
