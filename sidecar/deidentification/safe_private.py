"""Private attributes known to be safe (PS3.15 E.3.10, table E.3.10-1): those of them that are numbers or coded strings.

(private creator, group, low byte of the element). Text and names of vendors' own are never kept, whatever a table says.
"""

SAFE = frozenset(
    {
        ("Philips PET Private Group", 0x7053, 0x00),  # SUV Factor
        ("Philips PET Private Group", 0x7053, 0x09),  # Activity Concentration Factor
        ("ELSCINT1", 0x00E1, 0x21),  # DLP
        ("ELSCINT1", 0x00E1, 0x50),  # Acquisition Duration
        ("ELSCINT1", 0x01E1, 0x26),  # Phantom Type
        ("ELSCINT1", 0x01F1, 0x01),  # Acquisition Type
        ("ELSCINT1", 0x01F1, 0x07),  # Table Velocity
        ("ELSCINT1", 0x01F1, 0x26),  # Pitch
        ("ELSCINT1", 0x01F1, 0x27),  # Rotation Time
        ("GEMS_ACQU_01", 0x0019, 0x23),  # Table Speed [mm/rotation]
        ("GEMS_ACQU_01", 0x0019, 0x24),  # Mid Scan Time
        ("GEMS_ACQU_01", 0x0019, 0x27),  # Rotation Speed (Gantry Period)
        ("GEMS_PARM_01", 0x0043, 0x6F),  # Scanner Table Entry
        ("GEMS_HELIOS_01", 0x0045, 0x01),  # Number of Macro Rows in Detector
        ("GEMS_HELIOS_01", 0x0045, 0x02),  # Macro width at ISO Center
        ("SIEMENS MR HEADER", 0x0019, 0x0C),  # B_value
        ("SIEMENS MR HEADER", 0x0019, 0x0D),  # Diffusion Directionality
        ("SIEMENS MR HEADER", 0x0019, 0x0E),  # Diffusion Gradient Direction
        ("SIEMENS MR HEADER", 0x0019, 0x27),  # B_matrix
        ("Philips Imaging DD 001", 0x2001, 0x03),  # Diffusion B-Factor
        ("Philips Imaging DD 001", 0x2001, 0x04),  # Diffusion Direction
        ("Philips MR Imaging DD 001", 0x2005, 0x0E),  # Scale Slope
        ("Philips MR Imaging DD 001", 0x2005, 0xB0),  # Diffusion Direction RL
        ("Philips MR Imaging DD 001", 0x2005, 0xB1),  # Diffusion Direction AP
        ("Philips MR Imaging DD 001", 0x2005, 0xB2),  # Diffusion Direction FH
    }
)

NUMBERS_AND_CODES = frozenset({"DS", "IS", "CS", "FD", "FL", "US", "SS", "UL", "SL"})
"""A safe attribute whose value is of another kind is not the one the table means."""
